#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program phoenix-collector: its flags, its config's faults, its end, and what it links.
build=${top_builddir:-.}
program=$build/phoenix-collector
dir=$(mktemp -d) || exit 99
pid=
trap '[ -n "$pid" ] && kill $pid 2> /dev/null; rm -rf "$dir"' EXIT
n=0
report() { # exit status, name of the test
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        cat "$dir"/out "$dir"/err 2> /dev/null | sed 's/^/# /'
    fi
}
run() {
    "$program" "$@" > "$dir/out" 2> "$dir/err"
    status=$?
}
wait_for() { # pattern in the log
    tries=200
    while [ $tries -gt 0 ]; do
        grep -q "$1" "$dir/err" && return 0
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}

printf 'processors:\n  - type: topk\n    k: 5\n' > "$dir/good.yaml"
printf 'processors:\n  - type: topk\n    k: many\nnmae: x\n' > "$dir/bad.yaml"
run --config "$dir/good.yaml" --validate
[ $status -eq 0 ] && [ ! -s "$dir/err" ]
report $? 'a good config is valid, silently'
run --config="$dir/bad.yaml" --validate
[ $status -eq 1 ] && grep -q "^$dir/bad.yaml:3:8: k: must be" "$dir/err" && grep -q "bad.yaml:4:7: unknown key" "$dir/err"
report $? 'each fault of a config comes with file, line and column'
run --config "$dir/none.yaml" --validate
[ $status -eq 1 ] && grep -q 'No such file' "$dir/err"
report $? 'a config that is not there is an error'
run --config "$dir/bad.yaml" --listen 127.0.0.1:0
[ $status -eq 1 ]
report $? 'it does not start with a bad config'
run --frobnicate
[ $status -eq 2 ] && grep -q 'usage:' "$dir/err"
report $? 'an unknown flag is a usage error'
run --listen nowhere
[ $status -eq 1 ] && grep -q 'START_FAILED' "$dir/err"
report $? 'an address that is none is an error'
run --root "$dir/none" --listen 127.0.0.1:0
[ $status -eq 1 ] && grep -q 'START_FAILED' "$dir/err"
report $? 'a root that is not there is an error'

"$program" --config "$dir/good.yaml" --listen 127.0.0.1:0 > "$dir/out" 2> "$dir/err" &
pid=$!
wait_for 'event=STARTED'
report $? 'it says when it is ready'
kill -TERM $pid
wait $pid
status=$?
pid=
[ $status -eq 0 ] && grep -q 'event=STOPPED' "$dir/err"
report $? 'SIGTERM ends it in order'

if command -v ldd > /dev/null && ! ldd "$program" | grep -q 'asan'; then
    ldd "$program" > "$dir/out"
    ! grep -Eq 'curl|ssl|crypto|event|json' "$dir/out"
    report $? 'it links no library that it does not need'
fi
echo "1..$n"
