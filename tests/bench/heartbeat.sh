#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# heartbeat.sh BUILD [fixture]: heartbeats per CPU-second of the API, as a share of what nginx does with
# the same POST and `return 204`; one worker each, in turn, best of three.
set -euo pipefail
cd "$(dirname "$0")"
. lib/http.sh
start_server "$@"

web=$(free_port)
cat >"$dir/nginx.conf" <<END
worker_processes 1; daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path $dir/b; proxy_temp_path $dir/p; fastcgi_temp_path $dir/f;
  uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
  server { listen 127.0.0.1:$web; location / { return 204; } }
}
END
nginx -c "$dir/nginx.conf" 2>/dev/null &
pids="$pids $!"
wait_for_port "$web"
worker=$(pgrep -P "$!" | head -n 1)

cat >"$dir/post.lua" <<'END'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Agent-Host-ID"] = "bench-1"
wrk.body = '{"host_id":"bench-1","agent_version":"0.1.0","status":"healthy","active_tasks":[],' ..
  '"resource_usage":{"cpu_percent":3.1,"memory_percent":40.2,"memory_bytes":123456789,"disk_percent":50.0,' ..
  '"disk_bytes":123456789},"spool":{"batches":0,"bytes":0,"dropped":0}}'
function done(summary)
  io.write("answers ", summary.requests, " bad ", summary.errors.status, "\n")
end
END

per_cpu_second() { # pid port
    local before after answers bad
    before=$(cpu_ticks "$1")
    read -r answers bad < <(wrk -t1 -c64 -d3s -s "$dir/post.lua" "http://127.0.0.1:$2/api/v1/agent/heartbeat" |
        awk '$1 == "answers" { print $2, $4 }')
    after=$(cpu_ticks "$1")
    [ "$bad" -eq 0 ] || { echo "$bad heartbeats were refused" >&2; exit 1; }
    rate=$((answers * $(getconf CLK_TCK) / (after - before > 0 ? after - before : 1)))
}

api_best=0 nginx_best=0
for _ in 1 2 3; do
    per_cpu_second "$pid" "$port"
    [ "$rate" -gt "$api_best" ] && api_best=$rate
    per_cpu_second "$worker" "$web"
    [ "$rate" -gt "$nginx_best" ] && nginx_best=$rate
done
awk -v a="$api_best" -v n="$nginx_best" 'BEGIN {
    printf "8:heartbeats_per_cpu_second %d 1/s 25000 %s\n", a, (a >= 25000 ? "ok" : "short")
    printf "7:heartbeats_to_nginx_204 %.2f ratio 0.40 %s\n", a / n, (a / n >= 0.40 ? "ok" : "short") }'
