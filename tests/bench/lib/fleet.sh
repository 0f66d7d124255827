# SPDX-License-Identifier: Apache-2.0
# Sourced by benches of a fleet: phoenix-api on PostgreSQL, phoenix-swarm, and what they took. Wants $build.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=$(mktemp -d "${TMPDIR:-/tmp}/phoenix-bench.XXXXXX")
chmod 755 "$dir"
. lib/pg.sh
ulimit -n "$(ulimit -Hn)"
apis=() # pids of what start_api started
fleet_end() {
    for p in ${apis[@]+"${apis[@]}"}; do kill -9 "$p" 2>/dev/null || true; done
    end_pg
    rm -rf "$dir"
}
trap fleet_end EXIT
trap 'exit 1' HUP INT TERM

# figure NAME VALUE UNIT BAR at-least|at-most
figure() {
    awk -v name="$1" -v v="$2" -v unit="$3" -v bar="$4" -v sense="$5" 'BEGIN {
        holds = sense == "at-least" ? v + 0 >= bar : v + 0 <= bar
        print name, v, unit, bar, v != "" && v != "None" && holds ? "ok" : "short" }'
}
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start_api PORT [--flag=value...]: sets $api, its pid, once it is ready
start_api() {
    local port=$1
    shift
    PHOENIX_PG_CONNINFO=$conninfo "$build/phoenix-api" --store=pg --listen="127.0.0.1:$port" --plugin.dir="$build/.libs" \
        --data_dir="$PWD/../../etc" --log.level=warn "$@" 2>>"$dir/api-$port.log" &
    api=$!
    apis+=("$api")
    wait_ready "$port"
}
wait_ready() { # PORT
    for _ in $(seq 300); do
        curl -sf -o /dev/null "http://127.0.0.1:$1/readyz" && return
        sleep 0.05
    done
    echo "phoenix-api on port $1 is not ready" >&2
    cat "$dir"/api-*.log >&2
    exit 1
}
stop_apis() { # in order, and wait
    for p in ${apis[@]+"${apis[@]}"}; do kill "$p" 2>/dev/null || true; done
    for p in ${apis[@]+"${apis[@]}"}; do wait "$p" 2>/dev/null || true; done
    apis=()
}
# swarm NAME [--flag...]: measures; its report is $dir/NAME.json. It may find fault: the figures tell.
swarm() {
    local name=$1
    shift
    "$build/phoenix-swarm" --json="$dir/$name.json" "$@" >"$dir/$name.txt" 2>&1 || { tail -n 5 "$dir/$name.txt" >&2; }
}
# report NAME KEY...: a value of it; of several keys the sum
report() {
    /usr/bin/python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
def at(key):
    v = d
    for k in key.split("/"): v = v[int(k)] if isinstance(v, list) else v[k]
    return v or 0
print(round(sum(at(k) for k in sys.argv[2:]), 3))' "$dir/$1.json" "${@:2}"
}
metric() { # PORT NAME
    curl -sf "http://127.0.0.1:$1/metrics" | awk -v n="$2" '$1 == n { print $2 }'
}
cpu_ticks_of() { # PIDS: user and system
    for p in "$@"; do sed 's/.*) //' "/proc/$p/stat" 2>/dev/null || true; done | awk '{ t += $12 + $13 } END { print t + 0 }'
}
rss_kib_of() { for p in "$@"; do awk '/^VmRSS/ { print $2 }' "/proc/$p/status"; done | awk '{ t += $1 } END { print t + 0 }'; }
postgres_pids() { pgrep -f -- "-D $dir/pg/data" | while read -r p; do echo "$p"; pgrep -P "$p" || true; done; }
