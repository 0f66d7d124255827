# SPDX-License-Identifier: Apache-2.0
# Debian's packages that Phoenix needs, and how they get there. Sourced by demo, test and bench.

BUILD_PACKAGES="build-essential autoconf automake libtool pkg-config libevent-dev libjson-c-dev
  libcurl4-openssl-dev libyaml-dev libssl-dev libsqlite3-dev
  libpq-dev uthash-dev"
TEST_PACKAGES="check valgrind clang libclang-rt-14-dev python3 python3-pytest python3-pytest-timeout python3-pytest-xdist
  python3-yaml python3-jsonschema python3-psutil python3-requests procps curl sqlite3
  postgresql pgbouncer iproute2 prometheus prometheus-pushgateway"
# For scripts/demo --full.
STACK_PACKAGES="prometheus prometheus-pushgateway"
# For scripts/get-otelcol, where there is no go of any other origin; old as it is, it fetches a newer one.
GO_PACKAGE="golang-go ca-certificates"
BENCH_PACKAGES="nginx-light wrk procps curl python3 python3-jsonschema postgresql libpq-dev strace"

# any_go: what to install for want of a go.
any_go() { PATH=$PATH:/usr/local/go/bin command -v go >/dev/null || echo "$GO_PACKAGE"; }

# need_packages NAME...: install what is missing; asks nothing when run as root.
need_packages() {
    missing=
    for p in "$@"; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing:$missing; this is no Debian, please install their like" >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then as_root=sudo; fi
    echo "installing with apt:$missing"
    # shellcheck disable=SC2086 # word lists
    { $as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
      $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } \
        >"${TMPDIR:-/tmp}/phoenix-apt.$$.log" 2>&1 && rm -f "${TMPDIR:-/tmp}/phoenix-apt.$$.log" && return 0
    cat "${TMPDIR:-/tmp}/phoenix-apt.$$.log" >&2
    return 1
}
