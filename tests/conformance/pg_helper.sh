#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pg_helper.sh VERB ID DIR: what store_tck asks for, on the server in $PHX_TCK_PG.
set -eu
temp_pg=$(dirname "$0")/../pg/temp_pg
sql() { psql -X -q -v ON_ERROR_STOP=1 -h "$PHX_TCK_PG" -U postgres -d postgres -c "$1"; }
case $1 in
create) sql "CREATE DATABASE $2 OWNER phoenix" ;;
drop) # a test that failed may have left the server dead
    sql "DROP DATABASE $2 WITH (FORCE)" 2>/dev/null || {
        "$temp_pg" restart "$PHX_TCK_PG" >/dev/null
        sql "DROP DATABASE $2 WITH (FORCE)"
    }
    ;;
kill) "$temp_pg" kill "$PHX_TCK_PG" ;;
restart) "$temp_pg" restart "$PHX_TCK_PG" >/dev/null ;;
*) exit 2 ;;
esac
