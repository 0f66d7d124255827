#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# collector.sh BUILD: what phoenix-collector costs, beside a bare loop that reads the same files.
set -eu
bench=$1/tests/bench/collector_bench
collector=$1/phoenix-collector
trap 'rm -f /tmp/phoenix-bench-??????' EXIT
judge() { # name, value, unit, bar
    awk -v name="$1" -v value="$2" -v unit="$3" -v bar="$4" \
        'BEGIN { print name, value, unit, bar, value <= bar ? "ok" : "short" }'
}
# shellcheck disable=SC2046 # four words
set -- $("$bench" "$collector" 1000 60)
judge collector_scrape_cpu_1000 "$3" x 1.5
echo "# $1 us a scrape, $2 us the bare loop"
# shellcheck disable=SC2046
set -- $("$bench" "$collector" 500 30)
judge collector_rss_500 "$4" KiB 4096
