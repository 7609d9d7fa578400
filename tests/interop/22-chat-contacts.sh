#!/usr/bin/env bash
# Two instances of `chat` make each other contacts, see each other's presence come and go, name and group, block and
# unblock, read each other's card, hear what another session of the account says, and part again.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/ours.sh"

[ -x "$bin/chat" ] || skip "chat is not built"
begin
export PEER_MODULES='"offline", "vcard", "carbons", "blocklist", "version", "time", "lastactivity"' # on Prosody
export PEER_EJABBERD_MODULES="mod_privacy: {}, mod_blocking: {}, mod_carboncopy: {}, mod_vcard: {search: false}"
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
alice=alice@$peer_domain bob=bob@$peer_domain

asked_or_approved() {
    has_line "$work/alice.out" "* Robert <$bob> wants to see your presence" "" ||
        has_line "$work/bob.out" "* $alice: you see their presence now" ""
}

chat_start alice
chat_start bob
see_line alice "* online as $alice/"
see_line bob "* online as $bob/"

say alice "/add $bob Robert"
see_line alice "* Robert <$bob>: now a contact of yours"
see_line bob "* $alice wants to see your presence"
say bob "/requests"
say bob "/accept $alice"
see_line alice "* Robert <$bob>: you see their presence now"
see_line alice "* Robert <$bob/" " is available"
say bob "/subscribe $alice"
# Where the server keeps approvals for later, alice has given hers.
wait_for 20 "bob's request or its approval" asked_or_approved
if has_line "$work/alice.out" "* Robert <$bob> wants to see your presence" ""; then say alice "/accept $bob"; fi
see_line bob "* $alice: you see their presence now"
say bob "/away Lunch: pâté & crème"
see_line alice "* Robert <$bob/" " is away: Lunch: pâté & crème"
say alice "/contacts"
see_line alice "* Robert <$bob>: away: Lunch: pâté & crème"
echo "chat and chat: contacts, both subscriptions, presence"

say alice "/groups $bob Friends, Builders"
see_line alice "* Robert <$bob>: now in "
say alice "/rename $bob Bob"
see_line alice "* Bob <$bob>: no longer called Robert"
say bob "/vcard-set FN Bob the Builder"
see_line bob "* your card is changed"
say alice "/vcard $bob"
see_line alice "*   FN: Bob the Builder"
say alice "/info $bob"
see_line alice "*     Waxwing chat (client/console)"
echo "chat and chat: names, groups, cards, capabilities"

run_with_input elsewhere "$bin/chat" "$bob" --password-stdin --server "$peer_host:$peer_port" \
    --accept-fingerprint "$peer_fingerprint"
say elsewhere "$(password_of bob "$peer_accounts")"
see_line elsewhere "* online as $bob/"
say elsewhere "/msg $alice said elsewhere"
see_line alice "$bob/" ": said elsewhere"
see_line bob "you, elsewhere, to $alice" ": said elsewhere"
leave elsewhere
echo "chat and chat: copies"

say alice "/block $bob"
see_line alice "* $bob is blocked"
# ejabberd 23.01 does not tell whoever is blocked that one is gone (XEP-0191 section 3.3).
[ "$peer_name" = ejabberd ] || see_line bob "* $alice/" " is gone"
say alice "/unblock *"
see_line alice "* $bob is not blocked any more"
echo "chat and chat: blocking"

leave bob
see_line alice "* Bob <$bob/" " is gone"
say alice "/remove $bob"
see_line alice "* $bob is no contact of yours any more"
leave alice
echo "chat and chat: parted"
