#!/usr/bin/env bash
# Two xmpp.js clients send each other 1,000 messages through a proxy that cuts their connections, though not while
# they log in or both sides send again what was lost: xmpp.js does not survive that anywhere.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/ours.sh"
. "$interop/survive.sh"

need_xmppjs
begin
survive_server "${INTEROP_PEER:-waxwingd}"
survive xmppjs xmppjs --bytes 12000:16000 --triggers up
