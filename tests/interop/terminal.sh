# Programs that want a terminal, under tmux: start, type, read the screen. Sourced after lib.sh.

tmux_socket=

in_tmux() {
    tmux -S "$tmux_socket" -f /dev/null "$@"
}

# terminal NAME COMMAND...: runs the command in a terminal of its own.
terminal() {
    local name=$1
    shift
    tmux_socket=$work/tmux
    in_tmux new-session -d -x 140 -y 40 -s "$name" env LANG=C.UTF-8 LC_ALL=C.UTF-8 TERM=screen-256color "$@"
}

type_line() {
    in_tmux send-keys -t "$1" -l "$2"
    in_tmux send-keys -t "$1" Enter
}

screen() {
    in_tmux capture-pane -p -t "$1"
}

shows() {
    screen "$1" | grep -qF -- "$2"
}

# see NAME TEXT [SECONDS]: waits until the screen shows the text.
see() {
    local tenths=$((${3:-20} * 10))
    until shows "$1" "$2" 2>/dev/null; do
        tenths=$((tenths - 1))
        if [ "$tenths" -le 0 ]; then
            echo "--- the screen of $1"
            screen "$1" || true
            fail "the screen of $1 never showed: $2"
        fi
        sleep 0.1
    done
}

is_gone() {
    ! in_tmux has-session -t "$1" 2>/dev/null
}

# gone NAME: waits until the program has ended.
gone() {
    wait_for 20 "the end of $1" is_gone "$1"
}
