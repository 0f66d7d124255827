#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# parked.sh BUILD [fixture]: memory of the API for each parked poll, and how soon it notices that they
# all hung up.
set -euo pipefail
cd "$(dirname "$0")"
. lib/http.sh
ulimit -n "$(ulimit -Hn)"
start_server "$@"
/usr/bin/python3 lib/polls.py "$port" "$pid"
