#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# census.sh BUILD: time and memory of a census of 50,000 series, beside the scan of a tick.
exec "$1/tests/bench/census_bench" 50000
