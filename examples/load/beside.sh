#!/usr/bin/env bash
# The same load on waxwingd, Prosody and ejabberd, one after the other on this machine, in one table. Servers that are
# not installed are left out. Builds release binaries first.
#
#   examples/load/beside.sh                                     200 sessions, 100,000 messages
#   examples/load/beside.sh --sessions 20 --messages 2000       any option of `load`
#   SERVERS="waxwingd ejabberd" PLAINTEXT=1 examples/load/beside.sh
#   examples/load/beside.sh presence --sessions 10000 --messages 2000
#                                                               logins with rosters and presence, without ejabberd:
#                                                               10,000 accounts (ACCOUNTS) with 50 contacts each (CONTACTS)
#
# NO_BUILD=1 takes the release binaries as they are.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
peer=tests/interop/peer
export WAXWING_BIN=${CARGO_TARGET_DIR:-$root/target}/release
[ -n "${NO_BUILD:-}" ] || cargo build --locked --release --quiet -p waxwingd -p load

sessions=200
for ((n = 1; n < $#; n++)); do
    [ "${!n}" = --sessions ] && { m=$((n + 1)); sessions=${!m}; }
done

work=$(mktemp -d "${TMPDIR:-/tmp}/waxwing-load.XXXXXX")
stop_all() {
    for dir in "$work"/*/; do "$peer" stop "$dir" || true; done
    rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

options=("$@")
# Stored keys, as servers are run: not passwords in the clear, from which keys are derived at each login.
export PEER_HASHED=1
if [ "${1:-}" = presence ]; then
    export PEER_STORAGE=$work/storage
    "$WAXWING_BIN/load" rosters --accounts "${ACCOUNTS:-10000}" --contacts "${CONTACTS:-50}" "$PEER_STORAGE"
    cp "$PEER_STORAGE/accounts" "$work/accounts"
    SERVERS=${SERVERS:-waxwingd prosody}
else
    "$peer" accounts "$sessions" >"$work/accounts"
fi
if [ -n "${PLAINTEXT:-}" ]; then
    export PEER_ALLOW_PLAINTEXT=1
    options+=(--plaintext)
fi
targets=()
for server in ${SERVERS:-waxwingd prosody ejabberd}; do
    status=0
    "$peer" start "$server" "$work/$server" "$work/accounts" >"$work/$server.out" 2>&1 || status=$?
    case $status in
        0)
            # shellcheck disable=SC1091
            . "$work/$server/env"
            targets+=(--target "$server,$peer_host:$peer_port,$peer_pid,$peer_fingerprint,$work/accounts")
            ;;
        77) sed -n "s/^skip: /$server is left out: /p" "$work/$server.out" ;;
        *) cat "$work/$server.out" && exit 1 ;;
    esac
done
[ ${#targets[@]} -gt 0 ] || { echo "no server to put load on" && exit 1; }
"$WAXWING_BIN/load" "${options[@]}" "${targets[@]}"
