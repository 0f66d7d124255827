# SPDX-License-Identifier: Apache-2.0
# Sourced by benches of the HTTP server: start_server BUILD [fixture] sets $port and $pid. The server is
# phoenix-api on an empty store, or the fixture of tests/unit/http, which is the bare server.

dir=$(mktemp -d "${TMPDIR:-/tmp}/phoenix-bench.XXXXXX")
pids=
end() {
    for p in $pids; do kill "$p" 2>/dev/null && wait "$p" 2>/dev/null; done
    rm -rf "$dir"
}
trap end EXIT

free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for_port() { # port
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "nothing listens on port $1" >&2
    cat "$dir"/*.log >&2
    exit 1
}

start_server() {
    port=$(free_port)
    if [ "${2:-api}" = fixture ]; then
        "$1/tests/unit/http/http_fixture" 19000 10000 >"$dir/port" 2>"$dir/server.log" &
        pid=$!
        for _ in $(seq 100); do [ -s "$dir/port" ] && break; sleep 0.1; done
        port=$(cut -d' ' -f2 "$dir/port")
    else
        "$1/phoenix-api" --listen "127.0.0.1:$port" --sqlite.path "$dir/phoenix.db" --plugin.dir "$1/.libs" \
            --data_dir "$PWD/../../etc" --log.level warn 2>"$dir/server.log" &
        pid=$!
    fi
    pids="$pids $pid"
    wait_for_port "$port"
}

cpu_ticks() { # pid
    sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}
