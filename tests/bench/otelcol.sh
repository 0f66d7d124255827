#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# otelcol.sh BUILD: what the native collector costs beside an OpenTelemetry Collector that scrapes the same 1,000
# processes at the same interval (the template `baseline` of each).
set -eu
here=$(dirname "$0")
PHX_OTELCOL=${PHX_OTELCOL-$("$here/../../scripts/get-otelcol")}
export PHX_OTELCOL PHX_BUILD="$1"
# shellcheck disable=SC2046 # four words
set -- $(/usr/bin/python3 "$here/otelcol_cost.py" 1000 30)
judge() { # name, value, unit, bar
    awk -v name="$1" -v value="$2" -v unit="$3" -v bar="$4" \
        'BEGIN { printf "%s %.3f %s %.3f %s\n", name, value, unit, bar, value <= bar ? "ok" : "short" }'
}
echo "# native: $1 s of CPU, $2 KiB; otelcol: $3 s, $4 KiB" >&2
judge native_cpu_of_otelcol "$(awk "BEGIN { print $1 / $3 }")" x 0.2
judge native_rss_of_otelcol "$(awk "BEGIN { print $2 / $4 }")" x 0.067
