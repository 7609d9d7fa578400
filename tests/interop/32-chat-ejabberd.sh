#!/usr/bin/env bash
# `chat` on ejabberd.
INTEROP_PEER=ejabberd exec "$(dirname "${BASH_SOURCE[0]}")/20-chat.sh"
