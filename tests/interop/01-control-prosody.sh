#!/usr/bin/env bash
# A control: the slixmpp script passes against Prosody, so what it finds elsewhere is not its own fault.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/10-slixmpp.sh"
