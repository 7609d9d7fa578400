#!/usr/bin/env bash
# A control: the login script of xmpp.js passes against Prosody 13, with its modules of SASL2.
INTEROP_PEER=prosody13 exec "$(dirname "${BASH_SOURCE[0]}")/15-login-xmppjs.sh"
