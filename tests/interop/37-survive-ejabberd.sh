#!/usr/bin/env bash
# The script of our own clients over connections that are cut, on ejabberd.
INTEROP_PEER=ejabberd exec "$(dirname "${BASH_SOURCE[0]}")/23-survive.sh"
