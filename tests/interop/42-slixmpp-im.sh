#!/usr/bin/env bash
# slixmpp clients and what RFC 6121 asks of a server: rosters, subscriptions, presence, offline messages, carbons, blocking,
# privacy lists, small services, registration.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_slixmpp
begin
export PEER_REGISTRATION=1
export PEER_MODULES='"offline", "carbons", "blocklist", "version", "time", "uptime", "register"' # on Prosody
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
"$venv/bin/python" "$interop/slixmpp_im.py" "$work/peer-server/env"
