#!/usr/bin/env bash
# A control: xmpp.js over connections that are cut, on Prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/14-survive-xmppjs.sh"
