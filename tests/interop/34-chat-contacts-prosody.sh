#!/usr/bin/env bash
# Contacts in `chat` on prosody.
INTEROP_PEER=prosody exec "$(dirname "${BASH_SOURCE[0]}")/22-chat-contacts.sh"
