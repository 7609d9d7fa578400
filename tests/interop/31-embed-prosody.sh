#!/usr/bin/env bash
# `embed` on prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/21-embed.sh"
