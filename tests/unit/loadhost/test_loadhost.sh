#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The real program with the real profiles: what it says, what it starts, and that nothing is left.
src=${top_srcdir:-.}
build=${top_builddir:-.}
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
mkdir -m 755 "$dir/plugins"
cp "$build/.libs/loadsim.so" "$dir/plugins/" || exit 99
n=0
report() { # exit status, name of the test
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"
        sed 's/^/# /' "$dir/out" "$dir/err"
    fi
}
host() {
    "$build/phoenix-loadhost" --plugin-dir "$dir/plugins" "$@" > "$dir/out" 2> "$dir/err"
}
# The processes below a pid by name; how many of them there are.
alive() { # pid, start of the name
    found=0
    for child in $(cat "/proc/$1/task/$1/children" 2> /dev/null); do
        case $(cat "/proc/$child/comm" 2> /dev/null) in "$2"*) found=$((found + 1)) ;; esac
    done
    echo $found
}
wait_for() { # seconds, command: until it succeeds
    tries=$(($1 * 20))
    shift
    while [ $tries -gt 0 ]; do
        "$@" && return 0
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}
has() { [ "$(alive "$pid" "$1")" -ge "$2" ]; }
gone() { [ ! -d "/proc/$1" ]; }

for profile in process-churn steady spike high-cardinality realistic high-card normal; do
    host --profile "$profile" --duration 300ms --seed 7
    status=$?
    tail -n 1 "$dir/out" | grep -q '^{"state":"completed","offered":[0-9]*,"delivered":[0-9]*,' || status=1
    report $status "$profile runs to its end and says so"
done

"$build/phoenix-loadhost" --plugin-dir "$dir/plugins" --profile steady --duration 60s --seed 7 \
    --parameters '{"process_count":5,"critical":2}' > "$dir/out" 2> "$dir/err" &
pid=$!
wait_for 20 has phx-steady- 5 && wait_for 20 has phx-critical- 2
report $? 'its processes have their names'
[ "$(ps -o ni= -p $pid | tr -d ' ')" -ge 10 ]
report $? 'it is nice'
first=$(tr ' ' '\n' < "/proc/$pid/task/$pid/children" | head -n 1)
kill -TERM $pid
wait $pid
status=$?
tail -n 1 "$dir/out" | grep -q '^{"state":"stopped",' || status=1
report $status 'SIGTERM stops it in order'
gone "$first"
report $? 'no process is left after a stop'

"$build/phoenix-loadhost" --plugin-dir "$dir/plugins" --profile steady --duration 60s > "$dir/out" 2> "$dir/err" &
pid=$!
wait_for 20 has phx-steady- 20
first=$(tr ' ' '\n' < "/proc/$pid/task/$pid/children" | head -n 1)
kill -KILL $pid
wait $pid 2> /dev/null
wait_for 20 gone "$first"
report $? 'no process outlives a killed host'

host --profile nonsense --duration 1s
[ $? -eq 1 ] && grep -q '"state":"failed".*"reason":"no plugin has' "$dir/out"
report $? 'an unknown profile is a failure with a reason'
host --profile steady --duration 1s --parameters '{"process_count":0}'
[ $? -eq 1 ] && grep -q '"reason":.*process_count' "$dir/out"
report $? 'a parameter out of range is a failure that names it'
host --profile steady --duration 1s --parameters '{"proc'
[ $? -eq 1 ] && grep -q '"state":"failed"' "$dir/out"
report $? 'parameters that are no JSON are a failure'
host --profile steady
[ $? -eq 2 ]
report $? 'a missing duration is a usage error'
host --profile process-churn --duration 10s --max-total 20 --seed 1
[ $? -eq 0 ] && tail -n 1 "$dir/out" | grep -q '"state":"completed","offered":[0-9]*,"delivered":20,'
report $? 'the total is held'
echo "1..$n"
