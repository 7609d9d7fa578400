# Shared by the interop scripts and by `peer`: private XMPP servers on loopback, and how to skip or fail.
# Sourced, never run. Needs bash.

set -euo pipefail

interop=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$interop/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
venv=$target/interop/venv
itests=$target/interop/slixmpp-itests
# Folder with node_modules in it.
node_modules=$target/interop/node
# Folder with the files of a later Prosody in it.
later_prosody=$target/interop/prosody
# The scripts test debug builds unless told otherwise (the load generator tells).
bin=${WAXWING_BIN:-$target/debug}
domain=localhost

# Ends the script as skipped. run.sh shows the reason.
skip() {
    echo "skip: $*"
    exit 77
}

fail() {
    echo "error: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || skip "$1 is not installed"
}

need_slixmpp() {
    "$venv/bin/python" -c 'import slixmpp' 2>/dev/null || skip "slixmpp is not installed"
}

# modern_server NAME DIR: as peer_start, with SASL2, Bind 2, FAST and stream management in them.
modern_server() {
    PEER_MODULES='"sasl2", "sasl2_bind2", "sasl2_fast", "sasl2_sm", "smacks"' peer_start "$@"
}

need_survive() {
    [ -x "$bin/examples/survive" ] || skip "survive is not built"
}

need_xmppjs() {
    need node
    [ -d "$node_modules/node_modules/@xmpp/client" ] || skip "xmpp.js is not installed"
}

# A private directory for the script, and an orderly end for everything it starts.
# Kept for inspection with INTEROP_KEEP=1.
begin() {
    work=$(mktemp -d "${TMPDIR:-/tmp}/waxwing-interop.XXXXXX")
    trap 'end $?' EXIT
    trap 'exit 130' INT TERM
}

end() {
    local status=$1 dir
    trap - EXIT
    set +e # nothing here may keep the rest from being cleared away
    if [ "$status" -ne 0 ] && [ "$status" -ne 77 ]; then
        show_logs
    fi
    for dir in "$work"/peer-*; do
        [ -d "$dir" ] && peer_stop "$dir"
    done
    [ -n "${tmux_socket:-}" ] && tmux -S "$tmux_socket" kill-server 2>/dev/null
    if [ -n "${INTEROP_KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
    exit "$status"
}

show_logs() {
    local log
    for log in "$work"/peer-*/log; do
        [ -f "$log" ] || continue
        echo "--- the last lines of $log"
        tail -n 40 "$log"
    done
}

# A TCP port of 127.0.0.1 that nobody listens on, outside the range that the system hands out by itself.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local tenths=$(($1 * 10)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] || fail "waited in vain for $what"
        sleep 0.1
    done
}

listens_on() {
    (: <"/dev/tcp/$peer_host/$1") 2>/dev/null
}

is_alive() {
    kill -0 "$1" 2>/dev/null
}

# make_certificate DIR: an authority of its own, DIR/ca.pem, and from it a certificate for the domain and loopback,
# DIR/cert.pem and DIR/key.pem. Not self-signed: what verifies certificates by the book refuses that.
make_certificate() {
    (
        cd "$1"
        local new=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
        "${new[@]}" -x509 -days 30 -subj "/CN=Authority of a test" -keyout ca-key.pem -out ca.pem
        "${new[@]}" -subj "/CN=$domain" -keyout key.pem -out request.pem
        printf '%s\n' "subjectAltName=DNS:$domain,IP:127.0.0.1" "basicConstraints=CA:FALSE" \
            "extendedKeyUsage=serverAuth" >extensions
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 \
            -extfile extensions -out cert.pem
        cat cert.pem key.pem >both.pem
        chmod 600 key.pem ca-key.pem both.pem
    ) >"$1/openssl.log" 2>&1 || fail "openssl: $(tail -n 1 "$1/openssl.log")"
}

# fingerprint CERTIFICATE: SHA-256 of its DER, in hexadecimal.
fingerprint() {
    openssl x509 -in "$1" -outform DER | sha256sum | cut -d ' ' -f 1
}

# accounts N: a line `local TAB password` for each of user1..userN. `accounts`: alice and bob.
# alice's password holds the characters that SCRAM and PLAIN implementations trip over.
accounts() {
    local n
    if [ $# -eq 0 ]; then
        printf 'alice\twonder=land, 3\n'
        printf 'bob\tthe builder\n'
        return
    fi
    for ((n = 1; n <= $1; n++)); do
        printf 'user%d\tpassword of user %d\n' "$n" "$n"
    done
}

# password_of LOCAL FILE
password_of() {
    awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$2"
}

# peer_start NAME DIR [ACCOUNTS]: starts a server with all it owns in DIR, returns once accounts can log in.
# Sets peer_* (also in DIR/env, for other programs): name, pid, host, domain, port (STARTTLS), tls_port (direct TLS),
# ca (the certificate to trust), fingerprint (of the server's own certificate), accounts. PEER_ALLOW_PLAINTEXT=1 lifts the TLS requirement, and
# PEER_HASHED=1 has the server keep SCRAM-SHA-256 keys, not passwords: both for benchmarks. PEER_HOST is another address of
# the loopback network than 127.0.0.1; there the ports are the registered ones, 5222 and 5223. PEER_MODULES:
# more modules of Prosody, quoted and with commas; PEER_EJABBERD_MODULES: of ejabberd, in YAML. PEER_REGISTRATION=1 lets
# clients make accounts, on waxwingd and Prosody.
# PEER_STORAGE: a directory that `load rosters` has made, whose accounts and rosters are taken (not by ejabberd).
peer_start() {
    peer_name=$1
    local dir=$2
    mkdir -p "$dir"
    peer_accounts=$dir/accounts
    if [ $# -ge 3 ]; then cp "$3" "$peer_accounts"; else accounts >"$peer_accounts"; fi
    peer_host=127.0.0.1 peer_domain=$domain peer_pid='' peer_port=$(free_port) peer_tls_port=$(free_port)
    [ -n "${PEER_HOST:-}" ] && peer_host=$PEER_HOST peer_port=5222 peer_tls_port=5223
    make_certificate "$dir"
    peer_ca=$dir/ca.pem peer_fingerprint=$(fingerprint "$dir/cert.pem")
    case $peer_name in
        waxwingd | prosody | prosody13 | ejabberd) "start_$peer_name" "$dir" ;;
        *) fail "no such peer: $peer_name" ;;
    esac
    local name
    for name in name pid host domain port tls_port ca fingerprint accounts; do
        declare -n value=peer_$name
        printf 'peer_%s=%q\n' "$name" "$value"
    done >"$dir/env"
}

# peer_stop DIR: ends the server that was started there, by its process id.
peer_stop() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    local tenths=100
    while is_alive "$pid"; do
        tenths=$((tenths - 1))
        if [ "$tenths" -eq 0 ]; then
            kill -9 "$pid" 2>/dev/null
            break
        fi
        sleep 0.1
    done
    rm -f "$1/pid"
}

# peer_kill_and_restart DIR: kill -9, and the same server again, on what it has kept. For the one started last.
peer_kill_and_restart() {
    disown "$peer_pid" # bash need not tell
    kill -9 "$peer_pid"
    wait_for 10 "the end of $peer_name" is_dead "$peer_pid"
    local command
    eval "command=($(cat "$1/command"))"
    : >"$1/log"
    launch "$1" "${command[@]}"
    wait_until_up 60 listens_on "$peer_port"
}

is_dead() {
    ! is_alive "$1"
}

# launch DIR COMMAND...: in the background, with its output in DIR/log and its process id in DIR/pid and peer_pid.
launch() {
    local dir=$1
    shift
    printf '%q ' "$@" >"$dir/command"
    "$@" </dev/null >>"$dir/log" 2>&1 &
    peer_pid=$!
    echo "$peer_pid" >"$dir/pid"
}

# wait_until_up SECONDS COMMAND...: as wait_for, but notices when the server has died.
wait_until_up() {
    local seconds=$1
    shift
    wait_for "$seconds" "$peer_name" up_or_dead "$@"
    is_alive "$peer_pid" || fail "$peer_name ended while starting"
}

up_or_dead() {
    ! is_alive "$peer_pid" || "$@"
}

start_waxwingd() {
    local dir=$1 name password
    [ -x "$bin/waxwingd" ] || skip "waxwingd is not built"
    if [ -n "${PEER_STORAGE:-}" ]; then
        cp -r "$PEER_STORAGE/waxwingd" "$dir/data"
    else
        while IFS=$'\t' read -r name password; do
            printf '%s\n' "$password" |
                "$bin/waxwingd" user add "$name@$domain" --password-stdin --data "$dir/data" >>"$dir/log" 2>&1 ||
                fail "waxwingd user add $name@$domain: $(tail -n 1 "$dir/log")"
        done <"$peer_accounts"
    fi
    local allow=()
    [ -n "${PEER_ALLOW_PLAINTEXT:-}" ] && allow+=(--allow-plaintext)
    [ -n "${PEER_REGISTRATION:-}" ] && allow+=(--allow-registration)
    launch "$dir" "$bin/waxwingd" --data "$dir/data" --domain "$domain" \
        --c2s "$peer_host:$peer_port" --c2s-tls "$peer_host:$peer_tls_port" --s2s "127.0.0.1:$(free_port)" \
        --cert "$dir/cert.pem" --key "$dir/key.pem" "${allow[@]}"
    wait_until_up 60 grep -qx 'waxwingd: ready' "$dir/log"
}

# The later one, which has what Debian's modules of SASL2 need.
start_prosody13() {
    [ -e "$later_prosody/usr/bin/prosody" ] || skip "Prosody 13 is not installed"
    need lua5.4
    # It is told where it is.
    sed "s,^\(CFG_[A-Z]*DIR='\)/usr/,\1$later_prosody/usr/," "$later_prosody/usr/bin/prosody" >"$1/prosody"
    start_prosody "$1" lua5.4 "$1/prosody"
}

# start_prosody DIR [PROGRAM...]
start_prosody() {
    [ $# -gt 1 ] || need prosody
    local program=("${@:2}")
    [ $# -gt 1 ] || program=(prosody)
    local dir=$1 name password encryption=true storage=internal_plain
    [ -n "${PEER_ALLOW_PLAINTEXT:-}" ] && encryption=false
    mkdir -p "$dir/certs" "$dir/data/$domain/accounts"
    if [ -n "${PEER_HASHED:-}" ]; then
        need python3
        storage=internal_hashed
    fi
    if [ -n "${PEER_STORAGE:-}" ]; then
        cp -r "$PEER_STORAGE/prosody/." "$dir/data/$domain/"
    elif [ -n "${PEER_HASHED:-}" ]; then
        python3 "$interop/prosody_keys.py" "$peer_accounts" "$dir/data/$domain/accounts"
    else
        while IFS=$'\t' read -r name password; do
            printf 'return { ["password"] = "%s" };\n' "$password" >"$dir/data/$domain/accounts/$name.dat"
        done <"$peer_accounts"
    fi
    cat >"$dir/prosody.cfg.lua" <<CONFIG
run_as_root = true
pidfile = "$dir/prosody.pid"
data_path = "$dir/data"
plugin_paths = { "$interop/prosody" }
interfaces = { "$peer_host" }
modules_enabled = { "disco", "roster", "saslauth", "tls", "ping", "posix", ${PEER_MODULES:-} }
modules_disabled = { "s2s" }
allow_registration = $([ -n "${PEER_REGISTRATION:-}" ] && echo true || echo false)
-- Plain storage offers every SCRAM hash at once; hashed storage offers one.
authentication = "$storage"
password_hash = "SHA-256"
smacks_max_queue_size = 5000 -- stanzas; the default of 500 ends a session that others write to much while it is away
c2s_ports = { $peer_port }
c2s_direct_tls_ports = { $peer_tls_port }
c2s_require_encryption = $encryption
allow_unencrypted_plain_auth = not $encryption
log = { { levels = { min = "${PEER_LOG_LEVEL:-info}" }, to = "console" } }
ssl = { certificate = "$dir/cert.pem", key = "$dir/key.pem" }
c2s_direct_tls_ssl = { certificate = "$dir/cert.pem", key = "$dir/key.pem" }
sasl2_fast_token_min_ttl = 0 -- seconds; a token is replaced each time
VirtualHost "$domain"
CONFIG
    launch "$dir" "${program[@]}" --config "$dir/prosody.cfg.lua" -F
    wait_until_up 60 listens_on "$peer_port"
    wait_until_up 60 listens_on "$peer_tls_port"
}

# Without ejabberdctl: it insists on its system user, a node name and epmd. The virtual machine runs as a lone node,
# undistributed, and makes the accounts itself while it boots.
start_ejabberd() {
    need ejabberdctl
    need erl
    local dir=$1 libs required=true storage="auth_password_format: plain"
    [ -n "${PEER_HASHED:-}" ] && storage=$'auth_password_format: scram\nauth_scram_hash: sha256'
    [ -n "${PEER_ALLOW_PLAINTEXT:-}" ] && required=false
    libs=$(sed -n "s/^ERL_LIBS='\(.*\)'/\1/p" "$(command -v ejabberdctl)")
    mkdir -p "$dir/spool"
    cat >"$dir/ejabberd.yml" <<CONFIG
loglevel: ${PEER_LOG_LEVEL:-warning}
hosts: ["$domain"]
certfiles: ["$dir/both.pem"]
ca_file: "$dir/ca.pem"
listen:
  - {port: $peer_port, ip: "$peer_host", module: ejabberd_c2s, starttls: true, starttls_required: $required, shaper: none, access: all}
  - {port: $peer_tls_port, ip: "$peer_host", module: ejabberd_c2s, tls: true, shaper: none, access: all}
auth_method: internal
# Plain storage offers every SCRAM hash at once; hashed storage offers one.
$storage
disable_sasl_mechanisms: [DIGEST-MD5, X-OAUTH2]
acme: {auto: false}
shaper: {}
modules: {mod_disco: {}, mod_ping: {}, mod_roster: {}${PEER_EJABBERD_MODULES:+, $PEER_EJABBERD_MODULES}}
CONFIG
    cat >"$dir/inetrc" <<CONFIG
{lookup, ["file", "native"]}.
CONFIG
    local make_accounts="
        {ok, Text} = file:read_file(\"$dir/accounts\"),
        [begin
             [User, Password] = binary:split(Line, <<9>>),
             ok = ejabberd_auth:try_register(User, <<\"$domain\">>, Password)
         end || Line <- binary:split(Text, <<10>>, [global, trim_all])],
        ok = file:write_file(\"$dir/ready\", <<>>)."
    launch "$dir" env \
        HOME="$dir" ERL_LIBS="$libs" ERL_INETRC="$dir/inetrc" ERL_CRASH_DUMP="$dir/crash.dump" ERL_MAX_PORTS=32000 \
        EJABBERD_CONFIG_PATH="$dir/ejabberd.yml" EJABBERD_LOG_PATH="$dir/ejabberd.log" EJABBERD_PID_PATH="$dir/ejabberd.pid" \
        erl -noinput +K true +P 250000 -mnesia dir "\"$dir/spool\"" -s ejabberd -eval "$make_accounts"
    wait_until_up 150 test -e "$dir/ready"
}
