#!/usr/bin/env bash
# `chat` on prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/20-chat.sh"
