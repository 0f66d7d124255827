#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pages that the programs write about themselves are as the programs of this build write them.
set -u
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
n=0
failed=0
sh "$top_srcdir/doc/generate.sh" "$top_builddir" "$out" || { echo "Bail out! the programs do not dump"; exit 1; }
cd "$out" || exit 1
for file in doc/generated/* doc/man/* cli/completion/*; do
  n=$((n + 1))
  if diff -u "$top_srcdir/$file" "$file" >diff.txt; then
    echo "ok $n - $file is what the program says"
  else
    echo "not ok $n - $file is what the program says"
    sed 's/^/# /' diff.txt | head -n 20
    echo "# make docs writes it again"
    failed=1
  fi
done
echo "1..$n"
exit $failed
