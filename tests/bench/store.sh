#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# store.sh BUILD: what the embedded store does per second, on the disk below TMPDIR.
# The bars hold for a machine of 2 cores with a disk that syncs in less than a millisecond.
set -eu
build=$1
dir=$(mktemp -d "${TMPDIR:-/tmp}/phoenix-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT

# name of figure, bar, and whether more or less is better
judge() {
    awk 'function bar(n) { return n == "task_lives_sqlite_full" ? 15000 : n == "task_lives_sqlite_normal" ? 40000 : \
             n == "put_p99_sqlite_full" ? 5000 : n == "put_p99_sqlite_normal" ? 1000 : \
             n == "put_p50_sqlite_full" ? 2000 : n == "put_p50_sqlite_normal" ? 250 : 0 }
         bar($1) { ok = $3 == "1/s" ? $2 >= bar($1) : $2 <= bar($1)
           print ($3 == "1/s" ? "17:" : "") $1, $2, $3, bar($1), ok ? "ok" : "short" }'
}

for mode in full normal; do
    "$build/tests/bench/store_bench" "$build/.libs" sqlite "{\"path\":\"$dir/bench-$mode.db\",\"synchronous\":\"$mode\"}" \
        "sqlite_$mode" lives single
done | judge
