#!/usr/bin/env bash
# A control: the slixmpp script passes against ejabberd, so what it finds elsewhere is not its own fault.
INTEROP_PEER=ejabberd exec "$(dirname "${BASH_SOURCE[0]}")/10-slixmpp.sh"
