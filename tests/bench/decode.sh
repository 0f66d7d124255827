#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# decode.sh BUILD: points and heartbeats decoded per CPU-second.
exec "$1/tests/bench/decode_bench"
