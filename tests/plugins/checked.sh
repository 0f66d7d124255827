#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every plugin that was built passes phoenix-plugin-check, and the checker sees what is wrong with
# plugins that misbehave only when they are called.
src=${top_srcdir:-.}
build=${top_builddir:-.}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
n=0
pipelines() { # file: the pipeline documents that are for it
    case $1 in
    *collector-otelcol*) echo "--pipeline $src/tests/plugins/otelcol.yaml" ;;
    *) echo "--pipeline $src/tests/plugins/topk.yaml --pipeline $src/tests/plugins/adaptive.yaml" ;;
    esac
}
check() { # file, wanted exit status, name of the test
    n=$((n + 1))
    # shellcheck disable=SC2046 # word lists
    "$build/phoenix-plugin-check" --config "$src/tests/plugins/configs.yaml" $(pipelines "$1") "$1" \
        > "$dir/log" 2>&1
    status=$?
    if [ $status -eq "$2" ]; then
        echo "ok $n - $3"
    else
        echo "not ok $n - $3: exit status $status"
        grep -v '^ok' "$dir/log" | sed 's/^/# /'
    fi
}
for so in "$build"/.libs/*.so "$build"/plugins/template/.libs/*.so; do
    [ -f "$so" ] && check "$so" 0 "$(basename "$so") passes"
done
bad=$build/tests/unit/plugin/.libs
if [ -f "$bad/bad_writes.so" ]; then
    for name in writes reads load none license crash; do
        check "$bad/bad_$name.so" 1 "bad_$name.so does not pass"
    done
fi
check "$src/README.md" 1 'a text file does not pass'
echo "1..$n"
