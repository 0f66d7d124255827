#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# pg.sh BUILD: what store-pg does per second on a PostgreSQL of its own, beside the same rows by pgbench and SQL
# written by hand. About five minutes. The server's data are below TMPDIR.
set -euo pipefail
cd "$(dirname "$0")"
build=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/phoenix-bench.XXXXXX")
chmod 755 "$dir"
. lib/pg.sh
trap 'end_pg; rm -rf "$dir"' EXIT

bench() { "$build/tests/bench/store_bench" "$build/.libs" pg "$store" pg "$@"; }
# figure NAME VALUE UNIT BAR at-least|at-most
figure() {
    awk -v name="$1" -v v="$2" -v unit="$3" -v bar="$4" -v sense="$5" 'BEGIN {
        holds = sense == "at-least" ? v + 0 >= bar : v + 0 <= bar
        print name, v, unit, bar, v != "" && holds ? "ok" : "short" }'
}
value() { awk -v name="$1_pg" '$1 == name { v = $2 } END { print v }' "$dir/out"; } # the last one of that name
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3g", b ? a / b : 0 }'; }
quiet_tables() { pg_sql 'VACUUM ANALYZE'; }

# ---- lives of tasks: a table that nobody has analysed, then one that is
start_pg
bench lives "100 100 60000" >"$dir/out"
fresh=$(value claim) lives=$(value task_lives)
quiet_tables
bench lives "100 100 60000" >"$dir/out"
analysed=$(value claim) best=$(value task_lives)
bench lives "1 100 3000" single >"$dir/out"
one_by_one=$(value task_lives_one_by_one) put=$(value put_p50)

by_hand=0
for clients in 1 2 4; do
    pg_sql 'TRUNCATE agent_tasks' && quiet_tables
    tps=$(PGOPTIONS='-c enable_seqscan=off -c jit=off' pgbench -n -M prepared -c "$clients" -T 5 -f pg/lives.sql \
        -h "$dir/pg" -p "$(cat "$dir/pg/port")" -U phoenix phoenix 2>/dev/null | sed -n 's/^tps = \([0-9.]*\).*/\1/p')
    by_hand=$(awk -v a="$by_hand" -v b="$tps" 'BEGIN { b *= 100; if (b < a) b = a; print b }')
    pg_sql 'TRUNCATE agent_tasks' && quiet_tables # ours takes turns with it: the machine is not the same for long
    bench lives "100 100 40000" >"$dir/out"
    now=$(value task_lives)
    best=$(awk -v a="$best" -v b="$now" 'BEGIN { if (b < a) b = a; print b }')
done
figure 16:task_lives_pg "$best" 1/s 10000 at-least
figure 16:task_lives_to_one_by_one "$(ratio "$best" "$one_by_one")" ratio 15 at-least
figure task_lives_to_pgbench "$(ratio "$best" "$by_hand")" ratio 0.6 at-least
figure task_lives_pgbench "$by_hand" 1/s 0 at-least
figure put_p50_pg "$put" us 5000 at-most
figure 19:claim_fresh_to_analysed "$(ratio "$fresh" "$analysed")" ratio 1.5 at-most

# ---- claims while somebody's transaction keeps every dead row
pg_sql 'TRUNCATE agent_tasks' && quiet_tables
bench lives "100 10000 60000" >"$dir/out"
free=$(value claim)
"$temp_pg" psql "$dir/pg" -qAt -c 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id(); SELECT pg_sleep(600)' >/dev/null 2>&1 &
holder=$!
sleep 1
bench lives "100 10000 60000" lives "100 10000 60000" lives "100 10000 60000" >"$dir/out"
held=$(value claim)
pg_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()" >/dev/null
wait "$holder" 2>/dev/null || true
figure 18:claim_with_xmin_held "$(ratio "$held" "$free")" ratio 2 at-most

# ---- heartbeats, samples
bench heartbeats >"$dir/out"
figure 23:heartbeat_rows_pg "$(value heartbeat_rows)" 1/s 40000 at-least
sleep 1 # for the server's statistics
figure 23:heartbeats_hot "$(pg_sql "SELECT round(100.0 * n_tup_hot_upd / n_tup_upd, 2) FROM pg_stat_user_tables WHERE relname = 'agent_status'")" % 99 at-least
kilorows=${PHX_BENCH_KILOROWS:-8334} # 12 values each: 10^8 values
bench samples "$kilorows" >"$dir/out"
figure 25:metric_values_pg "$(value metric_values)" 1/s 2000000 at-least
figure sample_rows_pg "$(value sample_rows)" 1/s 0 at-least
kept=$(value metric_values_kept)
quiet_tables
bench window "$((kilorows * 1000 / 4800))" expire >"$dir/out"
figure 26:values_kept "$kept" 1 0 at-least
figure 26:window_1h_p50_pg "$(value window_1h_p50)" ms 20 at-most
figure 26:window_1h_p99_pg "$(value window_1h_p99)" ms 20 at-most
figure 27:expire_day_pg "$(value expire_day)" s 2 at-most
