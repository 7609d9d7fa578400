#!/usr/bin/env bash
# Contacts in `chat` on ejabberd.
INTEROP_PEER=ejabberd exec "$(dirname "${BASH_SOURCE[0]}")/22-chat-contacts.sh"
