#!/usr/bin/env bash
# Our own client logs in by SASL2 with Bind 2, with a token, with resumption inline, with a wrong token.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ -x "$bin/examples/login" ] || skip "login is not built"
begin
modern_server "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
can=fast
[ "$peer_name" != prosody13 ] || can=rotation
timeout 60 "$bin/examples/login" "$work/peer-server/env" alice "$can"
