# Two clients send each other numbered messages through a proxy that cuts connections, and none may be lost or doubled.
# Sourced after lib.sh and ours.sh.

count=${SURVIVE_COUNT:-1000}
seed=${SURVIVE_SEED:-1}

# survive_server NAME: with stream management, in $work/peer-server.
survive_server() {
    PEER_MODULES='"smacks", "resumed_data"' PEER_EJABBERD_MODULES='mod_stream_mgmt: {resume_timeout: 300}, mod_offline: {}' \
        peer_start "$1" "$work/peer-server"
}

# survive CLIENT CLIENT [CUTTER-OPTION...]: alice's and bob's. The server is in $work/peer-server.
survive() {
    local name cutter_port command
    cutter_port=$(free_port)
    cutter_start "$cutter_port" "${@:3}"
    client "$1" alice bob "$cutter_port"
    run_with_input alice "${command[@]}"
    client "$2" bob alice "$cutter_port"
    run_with_input bob "${command[@]}"
    for name in alice bob; do see_line "$name" online; done
    kill -USR1 "$cutter_pid"
    for name in alice bob; do say "$name" go; done
    for name in alice bob; do settle "$name"; done
    sleep 1 # for what would come twice
    for name in alice bob; do leave "$name"; done
    cutter_stop
    judge alice "$1"
    judge bob "$2"
}

cutter_start() {
    # Among the peers, so that it ends with them if the script fails.
    mkdir -p "$work/peer-cutter"
    close_all_and python3 "$interop/cutter.py" "$1" "$peer_host:$peer_port" --seed "$seed" "${@:2}" \
        >"$work/peer-cutter/log" 2>&1 &
    cutter_pid=$!
    echo "$cutter_pid" >"$work/peer-cutter/pid"
    wait_for 10 "the cutter" listens_on "$1"
}

cutter_stop() {
    rm "$work/peer-cutter/pid"
    kill "$cutter_pid"
    wait "$cutter_pid" || fail "the cutter failed: $(tail -n 1 "$work/peer-cutter/log")"
    cat "$work/peer-cutter/log"
}

# settle NAME: until it has sent all and received as many, or nothing has happened for a while.
settle() {
    local quiet=0 before=-1 now
    until grep -qx "all sent" "$work/$1.out" && [ "$(received "$1" | wc -l)" -ge "$count" ]; do
        now=$(received "$1" | wc -l)
        if [ "$now" -eq "$before" ]; then quiet=$((quiet + 1)); else quiet=0; fi
        before=$now
        [ "$quiet" -lt 40 ] || return 0 # judge tells what is missing
        sleep 0.5
    done
}

received() {
    sed -n 's/^got //p' "$work/$1.out"
}

judge() {
    local lost doubled
    grep -qx "all sent" "$work/$1.out" || echo "$1: not all that it sent was acknowledged"
    lost=$(comm -13 <(received "$1" | sort -u) <(seq "$count" | sort) | wc -l)
    doubled=$(received "$1" | sort | uniq -d | wc -l)
    echo "$1 ($2): $(received "$1" | wc -l) received, $lost lost, $doubled doubled;" \
        "$(grep -cx resumed "$work/$1.out") resumptions, $(grep -cx fresh "$work/$1.out") fresh sessions," \
        "$(grep -cx restarted "$work/$1.out") restarts"
    cmp -s <(received "$1") <(seq "$count") && return
    diff <(received "$1") <(seq "$count") | head -n 20
    fail "$1 has not received each message once and in order"
}

# client NAME LOCAL TO PORT: sets `command`.
client() {
    case $1 in
        slixmpp) command=("$venv/bin/python" "$interop/survive_slixmpp.py") ;;
        xmppjs)
            command=(env NODE_EXTRA_CA_CERTS="$peer_ca" node "$interop/survive_xmppjs.mjs" "$node_modules") ;;
        waxwing) command=("$bin/examples/survive") ;;
        *) fail "no such client: $1" ;;
    esac
    command+=("$work/peer-server/env" "$2" "$3" "$count" "$4")
    # In the middle its process ends, and another one goes on.
    [ "$1" != waxwing ] || command+=(--restart-at $((count / 2)) --state "$work/$2.state")
}
