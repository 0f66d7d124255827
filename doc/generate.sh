#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Write what the programs say about themselves: the tables of the manual, the manual pages that have
# tables in them, and the completion of bash. "make docs" does it for this tree; a test compares.
#
#   doc/generate.sh BUILD_FOLDER OUT_FOLDER
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
mkdir -p "$2/doc/generated" "$2/doc/man" "$2/cli/completion"
cd "$2"
export LC_ALL=C

say() { env -i PATH="$PATH" LC_ALL=C "$build/$@"; }

# page NAME "Title" "what it is" PROGRAM TABLE
page() {
  {
    printf '# %s\n\n%s\n\n' "$2" "$3"
    say "$4" --dump "$5"
  } >"doc/generated/$1.md"
}

page routes 'Routes of the API' 'Types are in [openapi.json](openapi.json); conventions in
[protocol.md](../protocol.md). "who" is the right that a route will ask for. Classes stand in the order in
which they are served when there is not room for all; `Retry-After` goes with 429 and 503.' phoenix-api routes
page metrics 'Metrics of phoenix-api' 'What `GET /metrics` shows.' phoenix-api metrics
page tasks 'Tasks' 'What the API asks of agents.' phoenix-api tasks
page phases 'Phases of an experiment' 'Every transition that there is; others are refused.' phoenix-api phases
page errors 'Errors' 'Status, problem type and exit status of each error.' phoenix-api errors
page events 'Events of the log' 'Each line of a log names its event.' phoenix-api events
page limits 'Limits' 'Bounds that are not settings.' phoenix-api limits
page settings-api 'Settings of phoenix-api' 'Flag: two hyphens and the key, other hyphens for dots and
underscores (`sqlite.path`: `--store-path`).' phoenix-api settings
page settings-agent 'Settings of phoenix-agent' 'Flag: two hyphens and the key, other hyphens for dots and
underscores (`api.url`: `--api-url`).' phoenix-agent settings
page commands 'Commands of phoenix' 'As `phoenix COMMAND --help` says it.' phoenix commands
say phoenix-api --dump openapi >doc/generated/openapi.json

# man PROGRAM SECTION: its page with its flags in place of @SETTINGS@
man() {
  while IFS= read -r line; do
    if [ "$line" = '@SETTINGS@' ]; then say "$1" --dump man; else printf '%s\n' "$line"; fi
  done <"$top/doc/man/$1.$2.in" >"doc/man/$1.$2"
}
man phoenix-api 8
man phoenix-agent 8
man phoenix-swarm 1
say phoenix --dump man >doc/man/phoenix.1
say phoenix completion bash >cli/completion/phoenix
