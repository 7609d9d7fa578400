#!/usr/bin/env bash
# The script of our own clients over connections that are cut, on Prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/23-survive.sh"
