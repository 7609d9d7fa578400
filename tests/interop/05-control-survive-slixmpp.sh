#!/usr/bin/env bash
# A control: slixmpp over connections that are cut, on Prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/13-survive-slixmpp.sh"
