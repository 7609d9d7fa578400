#!/usr/bin/env bash
# Two profanity clients, one over STARTTLS and one over direct TLS, log in and chat both ways; their screens are read.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/terminal.sh"

need profanity
need tmux
begin
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"

# profanity_start LOCAL PORT TLS-POLICY
profanity_start() {
    local home=$work/$1
    mkdir -p "$home/config/profanity" "$home/data/profanity"
    cat >"$home/data/profanity/accounts" <<CONFIG
[$1@$peer_domain]
enabled=true
jid=$1@$peer_domain
server=$peer_host
port=$2
resource=profanity
tls.policy=$3
password=$(password_of "$1" "$peer_accounts")
CONFIG
    terminal "$1" env HOME="$home" XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" \
        profanity -a "$1@$peer_domain"
}

profanity_start alice "$peer_port" trust
profanity_start bob "$peer_tls_port" legacy
see bob "/tls allow"
type_line bob "/tls allow"
for name in alice bob; do
    see "$name" "$name@$peer_domain/profanity logged in successfully"
    see "$name" "[online]"
done

type_line alice "/msg bob@$peer_domain Grüße, здравствуй ☃ <&>"
see bob "(win 2)"
type_line bob "/win 2"
see bob "Grüße, здравствуй ☃ <&>"
type_line bob "Čau, שלום 🦉 ]]>"
see alice "Čau, שלום 🦉 ]]>"
type_line alice "/quit"
type_line bob "/quit"
gone alice
gone bob
echo "profanity: STARTTLS and direct TLS, messages both ways"
