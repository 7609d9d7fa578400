#!/usr/bin/env bash
# xmpp.js logs in by SASL2 with Bind 2, gets a token and logs in with that, and resumes within a login.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_xmppjs
begin
modern_server "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
NODE_EXTRA_CA_CERTS=$peer_ca timeout 120 node "$interop/login_xmppjs.mjs" "$node_modules" "$work/peer-server/env" alice
