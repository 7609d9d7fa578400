#!/usr/bin/env bash
# slixmpp's own integration tests, as far as they concern what the server does; slixmpp_itests.py says which do, and why the
# others do not. They want the registered ports, so the server has an address of the loopback network for itself.
# INTEROP_PEER: the server, waxwingd unless told otherwise. ITESTS: the names of some of them.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_slixmpp
folder=$(echo "$itests"/*)
[ -d "$folder" ] || skip "slixmpp's integration tests are not installed"
begin
PEER_HOST=127.$((1 + RANDOM % 250)).$((RANDOM % 256)).$((1 + RANDOM % 250))
export PEER_MODULES='"blocklist", "private", "vcard"' # on Prosody
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
# shellcheck disable=SC2086 # several names
"$venv/bin/python" "$interop/slixmpp_itests.py" "$folder" "$work/peer-server/env" ${ITESTS:-}
