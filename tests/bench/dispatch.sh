#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# dispatch.sh BUILD [RATE [SECONDS]]: from enqueue to the answer on the parked poll, on the embedded store.
set -euo pipefail
cd "$(dirname "$0")"
. lib/http.sh
start_server "$1"
"$1/tests/bench/dispatch_bench" "$port" "${@:2}"
