#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# table.sh OUTPUT PAGE: put the figures of scripts/bench into the page, between its two marks.
set -euo pipefail
table=$(mktemp)
trap 'rm -f "$table"' EXIT
{
    printf 'Measured %s on %s processors (%s), Linux %s%s.\n\n' "$(date -u +%Y-%m-%d)" "$(nproc)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r | cut -d- -f1)" \
        "$(psql --version 2>/dev/null | sed 's/.*PostgreSQL) /, PostgreSQL /; s/ (.*//')"
    echo '| figure | measured | bar | |'
    echo '|---|---|---|---|'
    awk '/^# / { printf "| **`%s`** | | | |\n", substr($0, 3); next }
         NF == 5 { bar = $4 + 0 == 0 && $5 == "ok" && $2 + 0 != 0 ? "" : $4
                   printf "| %s | %s %s | %s | %s |\n", $1, $2, $3 == "1" ? "" : $3, bar, $5 }' "$1"
} >"$table"
awk -v table="$table" '/<!-- figures -->/ { print; while ((getline line < table) > 0) print line; skip = 1; next }
    /<!-- end of figures -->/ { skip = 0 } !skip' "$2" >"$2.new"
mv "$2.new" "$2"
