# SPDX-License-Identifier: Apache-2.0
# Sourced by benches that want PostgreSQL: a server of their own in $dir/pg, durable as by default.
# start_pg [setting=value...] sets $conninfo and $store (the driver's config). The caller's trap calls end_pg.
temp_pg=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../pg" && pwd)/temp_pg

start_pg() {
    conninfo=$("$temp_pg" start "$dir/pg" shared_buffers=512MB max_wal_size=4GB max_connections=100 "$@")
    store="{\"conninfo\":\"$conninfo\"}"
}
end_pg() {
    [ ! -d "$dir/pg" ] || "$temp_pg" remove "$dir/pg"
}
pg_sql() { # SQL: one value
    "$temp_pg" psql "$dir/pg" -qAtc "$1"
}
