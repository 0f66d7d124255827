#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The swarm against servers of its own that are known to the millisecond; it prints TAP.
exec "${top_builddir:-.}/phoenix-swarm" --self-test
