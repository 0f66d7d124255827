#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Make configure from configure.ac (needed once in a git checkout, not in a release tarball).
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force
