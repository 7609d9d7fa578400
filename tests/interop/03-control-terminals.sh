#!/usr/bin/env bash
# A control: the script of the two terminal clients passes against Prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/41-terminal-clients.sh"
