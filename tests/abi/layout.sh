#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The gate of the ABI. layout-x86_64.txt holds every member with offset, size and declaration, every
# constant and every id. Its lines stay for ever, verbatim; what is appended to the header is appended
# to the file, by `tests/abi/layout.sh --print`, together with a higher PHX_ABI_MINOR.
top=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
golden=$top/tests/abi/layout-x86_64.txt
cc=${CC:-cc}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
if [ "$(uname -m)" != x86_64 ]; then
    echo '1..0 # SKIP the recorded layout is that of x86-64'
    exit 0
fi
{
    echo '#include <phoenix/plugin.h>'
    echo '#include <stdio.h>'
    echo 'int main(void)'
    echo '{'
    {
        sed -n 's/^#define \(PHX_[A-Z_]*\) "phoenix\..*/ID \1/p' "$top/include/phoenix/plugin.h"
        # Without the system's headers, whose structs are none of ours.
        sed '/^#include/d' "$top/include/phoenix/plugin.h" | $cc -E -P -x c -
    } | awk -f "$top/tests/abi/layout.awk"
    echo '    return 0;'
    echo '}'
} > "$dir/layout.c"
if ! $cc -std=c11 -I"$top/include" -o "$dir/layout" "$dir/layout.c" > "$dir/log" 2>&1 ||
    ! "$dir/layout" | LC_ALL=C sort > "$dir/now"; then
    echo 'Bail out! the layout program does not build'
    sed 's/^/# /' "$dir/log"
    exit 99
fi
if [ "$1" = --print ]; then
    cat "$dir/now"
    exit 0
fi
echo 1..3
LC_ALL=C sort "$golden" > "$dir/then"
gone=$(LC_ALL=C comm -23 "$dir/then" "$dir/now")
new=$(LC_ALL=C comm -13 "$dir/then" "$dir/now")
report() { # number, name, lines that must be none
    if [ -z "$3" ]; then
        echo "ok $1 - $2"
    else
        echo "not ok $1 - $2"
        echo "$3" | sed 's/^/# /'
    fi
}
report 1 'every recorded line still holds' "$gone"
report 2 'everything in the header is recorded' "$new"
few=$(grep -c '^phx_' "$dir/now")
[ "$few" -gt 100 ] && few=
report 3 'the header was read whole' "$few"
