#!/usr/bin/env bash
# Two slixmpp clients send each other 1,000 messages through a proxy that cuts their connections.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/ours.sh"
. "$interop/survive.sh"

need_slixmpp
begin
survive_server "${INTEROP_PEER:-waxwingd}"
survive slixmpp slixmpp
