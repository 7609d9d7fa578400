#!/usr/bin/env bash
# profanity (alice) and mcabber (bob) add each other, see each other's presence, chat, and find each other again after a log-out,
# after a client was killed, and after the server was; their screens are read.
# INTEROP_PEER: the server, waxwingd unless told otherwise.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$interop/terminal.sh"

need profanity
need mcabber
need tmux
begin
export PEER_MODULES='"offline"' # on Prosody
peer_start "${INTEROP_PEER:-waxwingd}" "$work/peer-server"
alice=alice@$peer_domain bob=bob@$peer_domain

start_alice() {
    local home=$work/alice
    mkdir -p "$home/config/profanity" "$home/data/profanity"
    cat >"$home/data/profanity/accounts" <<CONFIG
[$alice]
enabled=true
jid=$alice
server=$peer_host
port=$peer_port
resource=profanity
tls.policy=trust
password=$(password_of alice "$peer_accounts")
CONFIG
    printf '[connection]\nreconnect=1\n' >"$home/config/profanity/profrc"
    terminal alice env HOME="$home" XDG_CONFIG_HOME="$home/config" XDG_DATA_HOME="$home/data" profanity -a "$alice"
    see alice "$alice/profanity logged in successfully"
}

start_bob() {
    local home=$work/bob
    mkdir -p "$home"
    cat >"$home/mcabberrc" <<CONFIG
set jid = $bob
set password = "$(password_of bob "$peer_accounts")"
set server = $peer_host
set port = $peer_port
set resource = mcabber
set tls = 1
set ssl_ca = $peer_ca
set logging = 0
set log_display_presence = 1
set log_win_height = 20
CONFIG
    chmod 600 "$home/mcabberrc"
    terminal bob env HOME="$home" mcabber -f "$home/mcabberrc"
    see bob "Your status has been set: [_>o]"
}

# Bob's roster: what stands before Alice's name says how she is.
bob_sees_alice() {
    see bob "[$1] Alice"
}

# bob_reads TEXT: in the chat with Alice.
bob_reads() {
    type_line bob "/roster search alice"
    type_line bob "" # opens the chat
    see bob "$1"
}

# alice_finds_bob TEXT: how he is, as she is told when she asks her client; what comes with a login is not announced.
alice_finds_bob() {
    local tries=20
    until shows alice "$1"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || see alice "$1" 1
        type_line alice "/status get $bob"
        sleep 1
    done
}

start_alice
start_bob

type_line alice "/roster add $bob Bob"
see alice "Roster item added: $bob"
type_line alice "/sub request $bob"
see bob "<$alice> wants to subscribe to your presence updates"
type_line bob "/event * accept"
see alice "Subscription received from $bob"
see alice "++ Bob (mcabber"
type_line bob "/add $alice Alice"
see alice "Received authorization request from $bob"
type_line alice "/sub allow $bob"
see bob "<$alice> has allowed you to receive their presence updates"
bob_sees_alice o
type_line alice "/sub show $bob"
see alice "$bob subscription status: both"
echo "profanity and mcabber: subscribed to each other"

type_line bob "/status dnd Busy building"
see alice 'is dnd, "Busy building"'
type_line alice '/status set away "at the tea party"'
see bob "<$alice/profanity> at the tea party"
bob_sees_alice a
echo "profanity and mcabber: presence both ways"

type_line alice "/msg $bob Grüße, здравствуй <&>"
bob_reads "Grüße, здравствуй <&>"
type_line bob "Čau, שלום ]]>"
see alice "Čau, שלום ]]>"
echo "profanity and mcabber: messages both ways"

type_line bob "/disconnect"
type_line alice "/win 1"
see alice "-- Bob (mcabber"
type_line alice "/msg $bob kept for you"
see alice "me: kept for you"
type_line bob "/connect"
bob_sees_alice a
bob_reads "kept for you"
type_line alice "/win 1"
type_line bob "/status online I am back"
see alice 'is online, "I am back"'
echo "mcabber logged in again: presence is there, and what was said meanwhile"

in_tmux display-message -p -t alice '#{pane_pid}' >"$work/alice.pid"
kill -9 "$(cat "$work/alice.pid")"
gone alice
# Its stream could have been resumed (XEP-0198), so it still counts as there: a new session takes the place of the old one.
start_alice
bob_sees_alice o
alice_finds_bob 'is online, "I am back"'
type_line alice "/sub show $bob"
see alice "$bob subscription status: both"
echo "profanity killed and started again: presence and roster are there"

peer_kill_and_restart "$work/peer-server"
see alice "Connection re-established" 60
see bob "Disconnected, reason"
type_line bob "/connect"
bob_sees_alice o
type_line bob "/status away out of the wreck"
see alice 'is away, "out of the wreck"'
type_line alice "/sub show $bob"
see alice "$bob subscription status: both"
type_line alice "/msg $bob here again"
bob_reads "here again"
echo "$peer_name killed and started again: both are there, and know each other"

type_line alice "/win 1"
type_line alice "/sub cancel $bob"
type_line alice "/roster remove $bob"
see alice "Roster item removed: $bob"
see bob "<$alice> has cancelled your subscription to their presence updates"
see bob "<$alice> is unsubscribing from your presence updates"
see bob "{?} Alice"
echo "profanity removed mcabber: no more presence"

type_line alice "/quit"
type_line bob "/quit"
gone alice
gone bob
