# SPDX-License-Identifier: Apache-2.0
# Includes of one file against the prefixes in `rules`. Headers of the system are free; those of the
# libraries that a room wraps are not.
BEGIN {
  while ((getline prefix < rules) > 0)
    if (prefix != "" && prefix !~ /^#/) allowed[prefix] = 1
  wrapped = "^(event2/|event|json-c/|curl/|yaml\\.h|sqlite3|openssl/|libpq)"
}
/^[ ]*#[ ]*include/ {
  name = $0
  sub(/^[ ]*#[ ]*include[ ]*[<"]/, "", name)
  sub(/[>"].*/, "", name)
  quoted = $0 ~ /"/
  if (name == "config.h" || (quoted && name !~ "/") || (!quoted && name !~ wrapped)) next
  for (prefix in allowed) if (index(name, prefix) == 1) next
  printf "%s:%d: %s may not be included here (see %s)\n", file, NR, name, rules
}
