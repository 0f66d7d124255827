#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The conformance kit on the PostgreSQL driver as it is built: a server of its own, a database a test.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d /tmp/phoenix-tck-pg.XXXXXX)
trap '"$here/../pg/temp_pg" remove "$dir/pg"; rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$dir"
# LeakSanitizer 12 crashes when it reads the thread-local storage of what libpq loads.
LSAN_OPTIONS=${LSAN_OPTIONS:-use_tls=0:print_suppressions=0}
export LSAN_OPTIONS
PHX_TCK_PG=$dir/pg
export PHX_TCK_PG
"$here/../pg/temp_pg" start "$PHX_TCK_PG" fsync=on max_connections=300 log_checkpoints=off >/dev/null
"$top_builddir/tests/conformance/store_tck" --plugins "$(cd "$top_builddir/.libs" && pwd)" --driver pg \
  --config "{\"conninfo\":\"host=$PHX_TCK_PG dbname=@ID@ user=phoenix\"}" --persistent --shared \
  --helper "$here/pg_helper.sh" --server --proxy "$PHX_TCK_PG/.s.PGSQL.5432" \
  --proxy-config '{"conninfo":"host=127.0.0.1 port=@PORT@ dbname=@ID@ user=phoenix sslmode=disable gssencmode=disable"}'
