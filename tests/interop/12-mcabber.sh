#!/usr/bin/env bash
# Two mcabber clients, over STARTTLS with the server's certificate verified, log in and chat both ways.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/terminal.sh"

need mcabber
need tmux
begin
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"

mcabber_start() {
    local home=$work/$1
    mkdir -p "$home"
    cat >"$home/mcabberrc" <<CONFIG
set jid = $1@$peer_domain
set password = "$(password_of "$1" "$peer_accounts")"
set server = $peer_host
set port = $peer_port
set resource = mcabber
set tls = 1
set ssl_ca = $peer_ca
set logging = 0
CONFIG
    chmod 600 "$home/mcabberrc"
    terminal "$1" env HOME="$home" mcabber -f "$home/mcabberrc"
}

for name in alice bob; do
    mcabber_start "$name"
    see "$name" "Your status has been set: [_>o]"
done

type_line alice "/say_to bob@$peer_domain Grüße, здравствуй <&>"
see bob "alice"
type_line bob "/roster unread_first"
type_line bob "" # opens the chat
see bob "Grüße, здравствуй <&>"
type_line bob "Čau, שלום ]]>"
type_line alice "/roster search bob"
type_line alice ""
see alice "Čau, שלום ]]>"
type_line alice "/quit"
type_line bob "/quit"
gone alice
gone bob
echo "mcabber: STARTTLS, messages both ways"
