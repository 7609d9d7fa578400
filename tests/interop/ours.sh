# Our own clients, and a slixmpp client that answers them: started in the background, with lines going in through a pipe
# and what they print in files. Sourced after lib.sh.

# What is said: other scripts than Latin, what XML would like to escape, and a line that no single TLS record holds.
texts=(
    "Grüße aus Zürich: naïve façade"
    "Привет! שלום! 你好 ☃"
    "👩‍👩‍👧‍👦 🦉 <b>&amp; \"quoted\" 'single' ]]> done</b>"
    "long: $(printf 'žluťoučký kůň %.0s' {1..2000})end"
)

# has_slixmpp: or says that its part is left out.
has_slixmpp() {
    "$venv/bin/python" -c 'import slixmpp' 2>/dev/null || { echo "without slixmpp: it is not installed"; return 1; }
}

# run_with_input NAME COMMAND...: in the background; `say NAME` writes to it, its output is in $work/NAME.out.
run_with_input() {
    local name=$1
    shift
    rm -f "$work/$name.in"
    mkfifo "$work/$name.in"
    : >"$work/$name.out"
    close_all_and timeout 120 "$@" <"$work/$name.in" >>"$work/$name.out" 2>&1 &
    declare -g "pid_$name=$!"
    # Held open, so that the program sees no end of input before its time.
    exec {fd}>"$work/$name.in"
    declare -g "fd_$name=$fd"
}

# What runs in the background must not hold the others' input open.
close_all_and() {
    local name fd
    for name in "${!fd_@}"; do
        fd=${!name}
        exec {fd}>&-
    done
    exec "$@"
}

# chat_start LOCAL [TO]
chat_start() {
    local to=()
    [ $# -ge 2 ] && to=(--to "$2")
    run_with_input "$1" "$bin/chat" "$1@$peer_domain" "${to[@]}" --password-stdin \
        --server "$peer_host:$peer_port" --accept-fingerprint "$peer_fingerprint"
    say "$1" "$(password_of "$1" "$peer_accounts")"
}

# slixmpp_start LOCAL: prints what it receives and sends it back with `echo` before it.
slixmpp_start() {
    run_with_input "$1" "$venv/bin/python" "$interop/slixmpp_echo.py" "$1@$peer_domain" \
        "$peer_host" "$peer_port" "$peer_ca"
    say "$1" "$(password_of "$1" "$peer_accounts")"
}

# say NAME LINE
say() {
    local fd=fd_$1
    printf '%s\n' "$2" >&"${!fd}"
}

# see_line NAME BEGINNING [END]: waits for a line of its output that begins and ends so.
see_line() {
    local tenths=200 end=${3:-}
    end=${end:0:100}
    until has_line "$work/$1.out" "$2" "${3:-}" 2>/dev/null; do
        tenths=$((tenths - 1))
        if [ "$tenths" -le 0 ]; then
            echo "--- what $1 printed"
            cut -c 1-300 "$work/$1.out"
            fail "$1 never printed: $2 … $end"
        fi
        sleep 0.1
    done
}

has_line() {
    local line
    while IFS= read -r line; do
        [[ $line == "$2"*"$3" ]] && return 0
    done <"$1"
    return 1
}

# leave NAME: ends its input, and expects it to end well.
leave() {
    local pid=pid_$1 name=fd_$1 fd status=0
    fd=${!name}
    exec {fd}>&-
    unset "$name"
    wait "${!pid}" || status=$?
    [ "$status" -eq 0 ] || fail "$1 ended with exit code $status: $(tail -n 15 "$work/$1.out")"
}

# wrong_password COMMAND...: it must say so in one line and end with exit code 1.
wrong_password() {
    local status=0
    echo "not this one" | timeout 60 "$@" --server "$peer_host:$peer_port" \
        --accept-fingerprint "$peer_fingerprint" >"$work/wrong.out" 2>"$work/wrong.err" || status=$?
    [ "$status" -eq 1 ] || fail "a wrong password: exit code $status: $(cat "$work/wrong.err")"
    [ "$(wc -l <"$work/wrong.err")" -eq 1 ] || fail "a wrong password: more than one line: $(cat "$work/wrong.err")"
    grep -q 'not-authorized\|password' "$work/wrong.err" || fail "a wrong password: $(cat "$work/wrong.err")"
}
