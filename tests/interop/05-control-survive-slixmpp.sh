#!/usr/bin/env bash
# Two slixmpp clients send each other 1,000 messages, on Prosody, through a proxy that cuts their connections: a control.
# INTEROP_PEER: another server.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/ours.sh"
. "$interop/survive.sh"

need_slixmpp
begin
survive_server "${INTEROP_PEER:-prosody}"
survive slixmpp slixmpp
