#!/usr/bin/env bash
# The login script of our own client on Prosody 13, where tokens are replaced at each login.
INTEROP_PEER=prosody13 exec "$(dirname "${BASH_SOURCE[0]}")/24-login.sh"
