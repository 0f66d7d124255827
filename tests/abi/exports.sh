#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Plugins export their entry symbol and nothing else; programs export nothing of ours. Otherwise a
# name of ours could take the place of a library's of the same name, or the other way round.
build=${top_builddir:-.}
nm=${NM:-nm}
n=0
# Symbols with a version are the C library's, copied; a leading underscore is the compiler's.
ours() { $nm -D --defined-only "$1" 2>/dev/null | awk '$NF !~ /@/ && $NF !~ /^_/ { print $NF }'; }
report() { # name, lines that must be none
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        echo "$2" | sed 's/^/# /'
    fi
}
for so in "$build"/.libs/*.so "$build"/plugins/*/.libs/*.so; do
    [ -f "$so" ] || continue
    report "$(basename "$so") exports its entry symbol only" "$(ours "$so" | grep -v '^phoenix_plugin_v1$')"
    if ours "$so" | grep -q '^phoenix_plugin_v1$'; then missing=; else missing=phoenix_plugin_v1; fi
    report "$(basename "$so") exports its entry symbol" "$missing"
done
for program in "$build"/phoenix "$build"/phoenix-*; do
    case $program in *.pc|*.tar*|*.o) continue ;; esac
    [ -f "$program" ] && [ -x "$program" ] || continue
    if $nm -D --defined-only "$program" 2>/dev/null | grep -q ' __asan_'; then
        n=$((n + 1))
        echo "ok $n - $(basename "$program") exports nothing # SKIP holds a sanitizer"
        continue
    fi
    report "$(basename "$program") exports nothing" "$(ours "$program")"
done
echo "1..$n"
