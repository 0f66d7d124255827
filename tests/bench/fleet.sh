#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# fleet.sh BUILD [PART...]: phoenix-api on PostgreSQL under a simulated fleet. Parts: idle dispatch busy cross workers
# restart kills lost; all take about eight minutes. Figures are named by the row of the list they were promised in.
set -euo pipefail
build=$(cd "$1" && pwd)
shift
. "$(dirname "$0")/lib/fleet.sh"
[ $# -gt 0 ] || set -- idle dispatch busy cross workers restart kills lost
tick=$(getconf CLK_TCK)

# Nobody does anything: 15,000 agents wait.
part_idle() {
    local port agents seconds=30 s0 s1 a0 a1 p0 p1 pg
    port=$(free_port)
    start_api "$port"
    figure 4:api_rss_empty "$(($(rss_kib_of "$api") / 1024))" MiB 15 at-most
    for agents in 10000 15000; do
        swarm "idle$agents" --url="http://127.0.0.1:$port" --agents="$agents" --ramp=4s --duration=60s --heartbeat=1h &
        local swarm_pid=$!
        for _ in $(seq 200); do
            [ "$(metric "$port" phoenix_polls_waiting)" = "$agents" ] && break
            sleep 0.1
        done
        [ "$agents" = 10000 ] && figure 4:api_rss_10k_parked "$(($(rss_kib_of "$api") / 1024))" MiB 50 at-most
        sleep 8
        pg=$(postgres_pids)
        # shellcheck disable=SC2086 # a list
        s0=$(metric "$port" phoenix_store_statements_total) \
            a0=$(cpu_ticks_of "$api") p0=$(cpu_ticks_of $pg)
        sleep $seconds
        # shellcheck disable=SC2086
        s1=$(metric "$port" phoenix_store_statements_total) a1=$(cpu_ticks_of "$api") p1=$(cpu_ticks_of $pg)
        figure "1:store_statements_at_$agents" "$(awk -v a="$s0" -v b="$s1" -v t=$seconds 'BEGIN { print (b - a) / t }')" 1/s 1 at-most
        kill -INT $swarm_pid 2>/dev/null || true
        wait $swarm_pid || true
    done
    figure 2:api_cpu_15k_parked "$(awk -v a="$a0" -v b="$a1" -v k="$tick" -v t=$seconds 'BEGIN { print 100 * (b - a) / k / t }')" % 3 at-most
    figure 2:postgresql_cpu_15k_parked "$(awk -v a="$p0" -v b="$p1" -v k="$tick" -v t=$seconds 'BEGIN { print 100 * (b - a) / k / t }')" % 1 at-most
    stop_apis
}

part_dispatch() {
    local port
    port=$(free_port)
    start_api "$port"
    swarm d5 --url="http://127.0.0.1:$port" --agents=5000 --ramp=2s --duration=15s --tasks=200
    figure 10:dispatch_5k_p50 "$(report d5 dispatch/p50_ms)" ms 4 at-most
    figure 10:dispatch_5k_p99 "$(report d5 dispatch/p99_ms)" ms 25 at-most
    swarm d15 --url="http://127.0.0.1:$port" --agents=15000 --ramp=4s --duration=15s --tasks=200
    figure 12:dispatch_15k_p99 "$(report d15 dispatch/p99_ms)" ms 40 at-most
    swarm hb --url="http://127.0.0.1:$port" --agents=5000 --ramp=2s --duration=15s --tasks=200 --heartbeat=200ms --senders=64
    figure 13:heartbeats_meanwhile "$(report hb answers/heartbeat | awk '{ print $1 / 15 }')" 1/s 24000 at-least
    figure 13:dispatch_with_25k_heartbeats_p50 "$(report hb dispatch/p50_ms)" ms 10 at-most
    figure 13:dispatch_with_25k_heartbeats_p99 "$(report hb dispatch/p99_ms)" ms 80 at-most
    figure 13:errors "$(report d5 errors)" 1 0 at-most
    stop_apis
}

# As many tasks as it takes: enqueue over HTTP, claim, acknowledge, complete, poll again.
part_busy() {
    local port seconds=20 rate=1500
    port=$(free_port)
    start_api "$port"
    swarm busy --url="http://127.0.0.1:$port" --agents=15000 --ramp=4s --duration="${seconds}s" --tasks=$rate --heartbeat=1h --pid="$api"
    figure 14:tasks_end_to_end "$(report busy completed | awk -v t=$seconds '{ print $1 / t }')" 1/s $rate at-least
    figure 14:task_done_p99 "$(report busy done/p99_ms)" ms 1000 at-most
    figure 14:lost_or_twice "$(report busy lost twice)" 1 0 at-most
    figure 15:api_cpu_per_task "$(awk -v ms="$(report busy pid1/cpu_ms)" -v n="$(report busy completed)" \
        'BEGIN { print n ? 1000 * ms / n : "" }')" us 200 at-most
    stop_apis
}

# Two replicas; each task is enqueued at the one where its agent does not poll.
part_cross() {
    local a b
    a=$(free_port) b=$(free_port)
    start_api "$a"
    start_api "$b"
    swarm cross --url="http://127.0.0.1:$a" --url="http://127.0.0.1:$b" --cross --agents=5000 --ramp=2s --duration=15s --tasks=200
    figure 11:dispatch_across_replicas_p50 "$(report cross dispatch/p50_ms)" ms 5 at-most
    figure 11:dispatch_across_replicas_p99 "$(report cross dispatch/p99_ms)" ms 30 at-most
    figure 11:lost_or_twice "$(report cross lost twice errors)" 1 0 at-most
    stop_apis
}

# 100,000 agents come at once, to six workers. Coming takes more memory than waiting.
part_workers() {
    local port rss now most=0
    port=$(free_port)
    start_api "$port" --workers=6
    swarm storm --url="http://127.0.0.1:$port" --agents=99600 --processes=6 --storm --duration=20s --heartbeat=1h &
    local swarm_pid=$!
    while kill -0 $swarm_pid 2>/dev/null; do
        # shellcheck disable=SC2046
        now=$(rss_kib_of "$api" $(pgrep -P "$api")) && most=$((now > most ? now : most))
        kill -0 $swarm_pid 2>/dev/null && rss=$now # while they wait, to the end
        sleep 1
    done
    wait $swarm_pid || true
    figure 5:rss_100k_parked_six_workers "${rss:+$((rss / 1024))}" MiB 450 at-most
    figure 5:rss_of_the_storm "$((most / 1024))" MiB 0 at-least
    figure 5:parked "$(report storm parked)" 1 99600 at-least
    figure 6:storm_100k "$(report storm join_ms | awk '{ print $1 / 1000 }')" s 30 at-most
    figure 6:storm_5xx_and_resets "$(report storm 5xx 503 reset refused)" 1 0 at-most
    stop_apis
}

# Each of two workers is replaced while 15,000 polls wait and tasks come.
part_restart() {
    local port
    port=$(free_port)
    start_api "$port" --workers=2
    swarm restart --url="http://127.0.0.1:$port" --agents=15000 --ramp=4s --duration=25s --tasks=50 &
    local swarm_pid=$!
    sleep 12
    kill -HUP "$api"
    wait $swarm_pid || true
    figure 31:restart_5xx_and_resets "$(report restart 5xx 503 reset refused)" 1 0 at-most
    figure 31:restart_lost_or_twice "$(report restart lost twice)" 1 0 at-most
    stop_apis
}

# Two replicas, one of which is always about to be killed.
part_kills() {
    local ports=() pids=() seconds=70 rate=1450 victim=0 n=0 end
    for i in 0 1; do
        ports[i]=$(free_port)
        start_api "${ports[i]}"
        pids[i]=$api
    done
    swarm kills --url="http://127.0.0.1:${ports[0]}" --url="http://127.0.0.1:${ports[1]}" --agents=5000 --ramp=2s \
        --duration="${seconds}s" --tasks=$rate --drain=60s &
    local swarm_pid=$!
    sleep 5
    end=$((SECONDS + seconds - 10))
    while [ $SECONDS -lt $end ]; do
        kill -9 "${pids[victim]}"
        wait "${pids[victim]}" 2>/dev/null || true
        n=$((n + 1))
        sleep "0.$((RANDOM % 9 + 1))"
        start_api "${ports[victim]}"
        pids[victim]=$api
        victim=$((1 - victim))
        sleep $((RANDOM % 4 + 2))
    done
    wait $swarm_pid || true
    figure 22:replicas_killed "$n" 1 8 at-least
    figure 22:tasks_taken "$(report kills enqueued)" 1 90000 at-least
    figure 22:executed_twice "$(report kills twice)" 1 0 at-most
    figure 22:lost "$(report kills lost)" 1 0 at-most
    stop_apis
}

# A task that nobody is told of: its row is written by hand.
part_lost() {
    local port t0
    port=$(free_port)
    start_api "$port"
    curl -sf -o /dev/null -m 5 -H 'X-Agent-Host-ID: quiet' "http://127.0.0.1:$port/api/v1/agent/tasks?wait=1s"
    curl -sf -m 60 -H 'X-Agent-Host-ID: quiet' "http://127.0.0.1:$port/api/v1/agent/tasks?wait=60s" >"$dir/poll" &
    local poll=$!
    sleep 1
    t0=$(date +%s.%N)
    pg_sql "INSERT INTO agent_tasks (id, host_id, type, action, config, priority, status, run_at, epoch, retry_count, max_attempts, created_at, updated_at, rev)
        VALUES ('0191f0c4-7a3b-7000-8000-00000000000a', 'quiet', 'collector', 'stop', '{\"id\":\"x\"}', 1, 'pending', now(), 0, 0, 4, now(), now(), nextval('phoenix_rev'))"
    wait $poll || true
    grep -q '0191f0c4' "$dir/poll" || { echo "the task never came" >&2; t0=0; }
    figure 21:lost_notification "$(awk -v a="$t0" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }')" s 10 at-most
    stop_apis
}

start_pg
for part in "$@"; do "part_$part"; done
