#!/usr/bin/env bash
# `embed` on ejabberd.
INTEROP_PEER=ejabberd exec "$(dirname "${BASH_SOURCE[0]}")/21-embed.sh"
