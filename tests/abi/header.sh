#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each installed header compiles alone, in every language and by every compiler that may meet it.
# -Wpadded: hidden padding would make "is this member there?" unanswerable by size.
top=${top_srcdir:-.}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
n=0
try() { # compiler, standard, header, source suffix, flags
    n=$((n + 1))
    what="phoenix/$3 compiles alone as $2 with $1"
    if ! command -v "$1" >/dev/null 2>&1; then
        echo "ok $n - $what # SKIP no $1 here"
        return
    fi
    printf '#include <phoenix/%s>\nint main(void) { return 0; }\n' "$3" > "$dir/t.$4"
    if "$1" -std="$2" $5 -Wall -Wextra -Wpedantic -Werror -I"$top/include" -c -o "$dir/t.o" "$dir/t.$4" \
        > "$dir/log" 2>&1; then
        echo "ok $n - $what"
    else
        echo "not ok $n - $what"
        sed 's/^/# /' "$dir/log"
    fi
}
c_flags='-Wpadded -Wstrict-prototypes -Wc++-compat'
for std in c11 c17 c2x; do
    for cc in gcc clang; do
        try $cc $std plugin.h c "$c_flags"
        try $cc $std helpers.h c -Wstrict-prototypes
    done
done
for std in c++17 c++20; do
    for cxx in g++ clang++; do
        try $cxx $std plugin.h cc -Wpadded
        try $cxx $std helpers.h cc ''
    done
done
echo "1..$n"
