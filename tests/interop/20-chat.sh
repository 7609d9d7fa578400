#!/usr/bin/env bash
# Two instances of `chat` log in over STARTTLS and talk both ways; then one of them talks with a slixmpp client.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/ours.sh"

[ -x "$bin/chat" ] || skip "chat is not built"
begin
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"

chat_start alice "bob@$peer_domain"
chat_start bob
see_line alice "* online as alice@$peer_domain/"
see_line bob "* online as bob@$peer_domain/"
for text in "${texts[@]}"; do
    say alice "$text"
    see_line bob "alice@$peer_domain/" ": $text"
done
say bob "/to alice@$peer_domain"
for text in "${texts[@]}"; do
    say bob "$text"
    see_line alice "bob@$peer_domain/" ": $text"
done
say alice "/ping"
see_line alice "* $peer_domain is there"
leave bob
echo "chat and chat: STARTTLS, messages both ways, ping"

if has_slixmpp; then
    slixmpp_start bob
    see_line bob "online as bob@$peer_domain/"
    say alice "/to bob@$peer_domain"
    for text in "${texts[@]}"; do
        say alice "$text"
        see_line bob "alice@$peer_domain/" ": $text"
        see_line alice "bob@$peer_domain/" ": echo $text"
    done
    echo "chat and slixmpp: messages both ways"
fi
leave alice

wrong_password "$bin/chat" "alice@$peer_domain" --password-stdin
echo "chat: a wrong password is refused"
