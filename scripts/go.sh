# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A Go to build with. Sourced by the scripts that build programs from the Go module proxy.
toolchain=go1.26.8

say() { echo "${0##*/}: $*" >&2; }
fail() { say "$@"; exit 1; }

# find_go FOLDER: put a Go that can build it first on the PATH; one that must be fetched goes into FOLDER.
find_go() {
    local minor from
    PATH=$PATH:/usr/local/go/bin:/usr/lib/go/bin
    command -v go >/dev/null || fail "there is no go: install one (Debian: golang-go)"
    minor=$(cd / && go env GOVERSION)
    minor=${minor#go1.} minor=${minor%%[!0-9]*}
    [ "${minor:-0}" -lt 25 ] || return 0
    say "go 1.$minor is too old: fetching $toolchain"
    from=$(cd "$1" && go mod download -json "golang.org/toolchain@v0.0.1-$toolchain.linux-$(go env GOARCH)" |
        sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -d "$from" ] || fail "$toolchain could not be fetched"
    cp -r "$from" "$1/go"
    chmod -R u+w "$1/go"
    # a module keeps no executable bits, and no other modules
    find "$1/go" -name _go.mod -execdir mv {} go.mod \;
    chmod +x "$1"/go/bin/* "$1"/go/pkg/tool/*/*
    unset GOROOT
    PATH=$1/go/bin:$PATH
}
