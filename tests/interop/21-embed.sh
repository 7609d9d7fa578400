#!/usr/bin/env bash
# Two instances of `embed` log in over STARTTLS and talk both ways; then one of them talks with a slixmpp client.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/ours.sh"

[ -x "$bin/embed" ] || skip "embed is not built"
begin
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"

# embed JID FLAGS...
embed() {
    local name=$1
    shift
    password_of "$name" "$peer_accounts" | timeout 60 "$bin/embed" "$name@$peer_domain" \
        --server "$peer_host:$peer_port" --accept-fingerprint "$peer_fingerprint" "$@"
}

for ((n = 0; n < ${#texts[@]}; n++)); do
    [ "$((n % 2))" = 0 ] && from=alice to=bob || { from=bob to=alice; }
    rm -f "$work/$to.out" # what it printed in the round before
    embed "$to" --count 1 --seconds 30 >"$work/$to.out" &
    receiver=$!
    see_line "$to" "online as $to@$peer_domain/"
    embed "$from" --count 0 --to "$to@$peer_domain" --text "${texts[n]}" >"$work/$from.out"
    wait "$receiver" || fail "embed of $to ended with $?"
    see_line "$to" "$from@$peer_domain/" ": ${texts[n]}"
done
echo "embed and embed: STARTTLS, messages both ways"

if has_slixmpp; then
    slixmpp_start bob
    see_line bob "online as bob@$peer_domain/"
    for text in "${texts[@]}"; do
        embed alice --count 1 --seconds 30 --to "bob@$peer_domain" --text "$text" >"$work/alice.out"
        see_line bob "alice@$peer_domain/" ": $text"
        see_line alice "bob@$peer_domain/" ": echo $text"
    done
    echo "embed and slixmpp: messages both ways"
fi

wrong_password "$bin/embed" "alice@$peer_domain"
echo "embed: a wrong password is refused"

# It has no SASL2: a client that wants all that comes with it gets through all the same, without a word.
if [ "$peer_name" = ejabberd ] && [ -x "$bin/examples/login" ]; then
    timeout 60 "$bin/examples/login" "$work/peer-server/env" alice rfc6120
fi
