#!/usr/bin/env bash
# slixmpp logs in over STARTTLS and direct TLS with SCRAM-SHA-1, SCRAM-SHA-256 and PLAIN, and chats both ways.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_slixmpp
begin
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
"$venv/bin/python" "$interop/slixmpp_chat.py" "$work/peer-server/env"
