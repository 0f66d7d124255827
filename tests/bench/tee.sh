#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tee.sh BUILD: what the agent's tee adds to a request, what it loses when an arm is slow, what it takes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PHX_BUILD=$1 exec /usr/bin/python3 "$here/tee_run.py"
