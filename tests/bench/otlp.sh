#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# otlp.sh BUILD: how many points a second a load profile sends on one processor, its memory with a thousand and
# with a million series, and how OpenTelemetry's own generator does in the same place.
set -eu
yardstick=$(scripts/get-telemetrygen)
figures=$(python3 tests/bench/otlp.py "$1" "$yardstick")
figure() { echo "$figures" | awk -v name="$1" '$1 == name { print $2 }'; }
judge() { # name, value, unit, bar, sign of the bar
    awk -v name="$1" -v value="$2" -v unit="$3" -v bar="$4" -v least="$5" 'BEGIN {
        good = least == "least" ? value >= bar : value <= bar
        printf "%s %.6g %s %s %s\n", name, value, unit, bar, good ? "ok" : "short" }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { print a / b }'; }
judge otlp_points "$(figure wall)" 1/s 500000 least
judge otlp_points_cpu "$(figure cpu)" 1/cpu-s 500000 least
judge otlp_rss_growth "$(figure growth)" KiB 1024 most
judge otlp_to_telemetrygen_cpu "$(ratio "$(figure cpu)" "$(figure yardstick_cpu)")" x 5 least
judge otlp_to_telemetrygen_wall "$(ratio "$(figure wall)" "$(figure yardstick_wall)")" x 5 least
echo "# $(figure memory) KiB with a million series; paced at 500000 a second: $(figure paced) taken"
echo "# telemetrygen: $(figure yardstick_cpu) points a CPU second"
