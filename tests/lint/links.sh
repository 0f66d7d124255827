#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every relative link of every page leads to a file that is there.
set -u
cd "$top_srcdir" || exit 1
n=0
failed=0
pages=$(find . \( -name .git -o -name 'build*' -o -name 'phoenix-[0-9]*' \) -prune -o -name '*.md' -type f -print |
  LC_ALL=C sort)
for page in $pages; do
  n=$((n + 1))
  broken=$(awk '
    /^```/ { code = !code }
    !code {
      gsub(/`[^`]*`/, "")
      while (match($0, /\]\([^) ]+\)/)) {
        print substr($0, RSTART + 2, RLENGTH - 3)
        $0 = substr($0, RSTART + RLENGTH)
      }
    }' "$page" | grep -Ev '^([a-z]+:|#)' | sed 's/#.*//' | while read -r link; do
      [ -e "$(dirname "$page")/$link" ] || printf ' %s' "$link"
    done)
  if [ -z "$broken" ]; then
    echo "ok $n - links of $page"
  else
    echo "not ok $n - links of $page"
    echo "# not there:$broken"
    failed=1
  fi
done
echo "1..$n"
exit $failed
