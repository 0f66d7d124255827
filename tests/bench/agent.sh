#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# agent.sh BUILD: memory of an agent that is idle with two native collectors running.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
PHX_BUILD=$1 exec /usr/bin/python3 "$here/agent_idle.py"
