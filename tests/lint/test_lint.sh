#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The lint can fail: each kind of fault in a made-up tree is found, where it is, and a clean tree passes.
set -u
run="$top_srcdir/tests/lint/run"
tree=$(mktemp -d) || exit 1
in=$tree.in
trap 'rm -rf "$tree" "$in"' EXIT
n=0
failed=0
spdx='/* SPDX-License-Identifier: Apache-2.0 */'

fresh() {
  rm -rf "$tree"/*
  mkdir -p "$tree/core/base" "$tree/core/tables"
  printf 'core/base/\n' >"$tree/core/base/.may_include"
  printf '%s\nint f(void)\n{\n    return 0; /* "strcpy(" in a text: */\n}\n' "$spdx" >"$tree/core/base/a.c"
}

ok() { # ok STATUS "name"
  n=$((n + 1))
  if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; failed=1; fi
}

# finds "name" "place" [file]: the text in $in, as core/base/a.c or that file
finds() {
  fresh
  cp "$in" "$tree/${3:-core/base/a.c}"
  out=$(sh "$run" "$tree")
  [ $? -eq 1 ] && printf '%s\n' "$out" | grep -q "^$2"
  ok $? "$1"
}

fresh
sh "$run" "$tree" >/dev/null
ok $? 'a_clean_tree_passes'
printf 'int x;\n' >"$in"
finds 'a_file_without_spdx_is_found' 'core/base/a.c:1: no SPDX'
printf '%s\n#include "core/api/x.h"\n' "$spdx" >"$in"
finds 'an_include_against_the_arrows_is_found' 'core/base/a.c:2: core/api/x.h'
printf '%s\n#include <event2/event.h>\n' "$spdx" >"$in"
finds 'a_wrapped_library_is_found' 'core/base/a.c:2: event2'
printf '%s\nvoid f(void)\n{\n    strcpy(a, b);\n}\n' "$spdx" >"$in"
finds 'a_banned_function_is_found' 'core/base/a.c:4: banned'
printf '%s\n/* %s: later */\n' "$spdx" 'TO''DO' >"$in"
finds 'unfinished_work_is_found' 'core/base/a.c:2: unfinished'
printf '%s\n%0111d\n' "$spdx" 0 >"$in"
finds 'a_long_line_is_found' 'core/base/a.c:2: more than 110'
{ printf '%s\nvoid f(void)\n{\n' "$spdx"; yes '    x();' | head -n 81; echo '}'; } >"$in"
finds 'a_long_function_is_found' 'core/base/a.c:3: a function of 81 lines'
{ echo "$spdx"; yes 'int x;' | head -n 800; } >"$in"
finds 'a_long_file_is_found' 'core/base/a.c:1: a file of 801'
printf '%s\nint f(int a, int b, int c, int d,\n      int e, int g, int h, int i, int j)\n{\n}\n' "$spdx" >"$in"
finds 'nine_parameters_are_found' 'core/base/a.c:2: more than 8'
printf '%s\nint f(void)\n{\n    struct buf b CLEANUP_BUF;\n    if (x) return 0;\n    buf_init(&b, 9);\n}\n' "$spdx" >"$in"
finds 'a_buffer_that_is_freed_before_it_is_set_is_found' 'core/base/a.c:4: a buffer'
printf '%s\n// x\n' "$spdx" >"$in"
finds 'a_line_comment_is_found' 'core/base/a.c:2: comments'
printf '%s\nint a;\t\n' "$spdx" >"$in"
finds 'a_tab_is_found' 'core/base/a.c:2: tab'
printf '%s\nEV(A, INFO, "x", "y")\nEV(A, WARN, "x", "y")\n' "$spdx" >"$in"
finds 'a_row_that_stands_twice_is_found' 'core/tables/events.def:3: the row EV(A' core/tables/events.def
printf '%s\nSETTING(b, "b", X)\nSETTING(a, "a", X)\n' "$spdx" >"$in"
finds 'a_setting_out_of_order_is_found' 'core/tables/settings.def:3: a is not' core/tables/settings.def
echo "1..$n"
exit $failed
