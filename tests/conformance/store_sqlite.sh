#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The conformance kit on the SQLite driver as it is built.
set -eu
exec "$top_builddir/tests/conformance/store_tck" --plugins "$top_builddir/.libs" --driver sqlite \
  --config '{"path":"@DIR@/t.db"}' --persistent --single
