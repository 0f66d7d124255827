#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# limits.sh BUILD: system calls of a heartbeat; what happens when descriptors end; agents that behave badly.
set -euo pipefail
build=$(cd "$1" && pwd)
. "$(dirname "$0")/lib/fleet.sh"
tick=$(getconf CLK_TCK)
start_pg

# ---- 9: wrk posts heartbeats, strace counts
port=$(free_port)
start_api "$port"
cat >"$dir/post.lua" <<'END'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Agent-Host-ID"] = "bench-1"
wrk.body = '{"host_id":"bench-1","agent_version":"0.1.0","status":"healthy","active_tasks":[]}'
END
wrk -t1 -c64 -d5s -s "$dir/post.lua" "http://127.0.0.1:$port/api/v1/agent/heartbeat" >/dev/null &
wrk=$!
sleep 1
timeout -s INT 3 strace -f -c -o "$dir/strace" -p "$api" 2>/dev/null || true
wait $wrk
# An answer is one sendmsg() or writev(): what strace saw between the first and the last.
figure 9:syscalls_per_heartbeat "$(awk '$NF == "sendmsg" || $NF == "writev" { answers += $4 } $NF == "total" { calls = $4 ~ /^[0-9]+$/ ? $4 : $3 }
    END { if (answers > 1000) printf "%.2f", calls / answers }' "$dir/strace")" 1 5.5 at-most

# ---- 20: agents that vanish, hang up half, send garbage or do not read; a byte a second
swarm broken --url="http://127.0.0.1:$port" --agents=2000 --ramp=2s --duration=20s --tasks=100 --broken=10 --slow=2
figure 20:lost_or_twice_beside_broken_agents "$(report broken lost twice)" 1 0 at-most
figure 20:errors_beside_broken_agents "$(report broken errors)" 1 0 at-most
stop_apis

# ---- 30: 120 descriptors, 300 who want one
port=$(free_port)
(
    ulimit -n 120
    exec env PHOENIX_PG_CONNINFO="$conninfo" "$build/phoenix-api" --store=pg --listen="127.0.0.1:$port" --plugin.dir="$build/.libs" \
        --data_dir="$PWD/../../etc" --log.level=warn --api.max_connections=1000 2>"$dir/few.log"
) &
api=$!
apis+=("$api")
wait_ready "$port"
/usr/bin/python3 - "$port" "$api" "$dir/few.log" "$tick" >"$dir/few" <<'END'
import socket, sys, time, urllib.request
port, pid, log, tick = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
def cpu():
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / tick
def lines():
    return sum(1 for _ in open(log))
socks = []
for _ in range(300):
    s = socket.socket()
    s.connect(("127.0.0.1", port))
    socks.append(s)
time.sleep(0.5)
c, l, t = cpu(), lines(), time.monotonic()
time.sleep(4)
took = time.monotonic() - t
c, l = cpu() - c, lines() - l
for s in socks:
    s.close()
t = time.monotonic()
while True:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).read()
        break
    except OSError:
        if time.monotonic() - t > 20:
            break
        time.sleep(0.05)
print(100 * c / took, l / took, time.monotonic() - t)
END
read -r cpu lines back <"$dir/few"
figure 30:cpu_out_of_descriptors "$cpu" % 5 at-most
figure 30:log_lines_out_of_descriptors "$lines" 1/s 1 at-most
figure 30:serves_again "$back" s 5 at-most
stop_apis
