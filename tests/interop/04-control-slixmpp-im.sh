#!/usr/bin/env bash
# A control: the script of rosters, subscriptions and delivery passes against Prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/42-slixmpp-im.sh"
