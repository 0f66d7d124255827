# SPDX-License-Identifier: Apache-2.0
# Faults of one C file: length of lines, functions and the file, parameters, banned functions.
function fault(line, text) { printf "%s:%d: %s\n", file, line, text }

# The line without strings, character constants and comments, so that words in them do not count.
function strip(s,    out, i, c, n, quote) {
  n = length(s); out = ""; quote = ""
  for (i = 1; i <= n; i++) {
    c = substr(s, i, 1)
    if (in_comment) {
      if (c == "*" && substr(s, i + 1, 1) == "/") { in_comment = 0; i++ }
    } else if (quote != "") {
      if (c == "\\") i++
      else if (c == quote) { quote = ""; out = out c }
    } else if (c == "/" && substr(s, i + 1, 1) == "*") {
      in_comment = 1; i++
    } else if (c == "/" && substr(s, i + 1, 1) == "/") {
      fault(NR, "comments are written /* */"); break
    } else {
      if (c == "\"" || c == "'") quote = c
      out = out c
    }
  }
  return out
}

# Characters, not bytes: continuation bytes of UTF-8 are not counted.
function columns(s,    t) { t = s; gsub(/[\200-\277]/, "", t); return length(t) }

function commas_at_top(s,    i, c, depth, n) {
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "(") depth++
    else if (c == ")") depth--
    else if (c == "," && depth == 1) n++
  }
  return n
}

NR <= 2 && /SPDX-License-Identifier: Apache-2.0/ { spdx = 1 }
$0 ~ ("TO" "DO|FIX" "ME") { fault(NR, "unfinished work") }
/\t/ { fault(NR, "tab") }
/[ \t]$/ { fault(NR, "space at the end of the line") }
{
  if (columns($0) > 110) fault(NR, "more than 110 columns")
  code = strip($0)
  if (match(code, /(^|[^A-Za-z0-9_])(sprintf|vsprintf|strcpy|strcat|system|popen|atoi|gets|strtok)[ ]*\(/))
    fault(NR, "banned function: " substr(code, RSTART, RLENGTH))
  # freed at each return, so it must be a buffer by then (not every compiler zeroes what is not set)
  if (code ~ /^ .*struct buf .*;/ && code ~ /CLEANUP_BUF/ && code !~ /=/) {
    unset = NR; buffer = code
    gsub(/CLEANUP_BUF|[ ;]+$/, "", buffer); gsub(/ +$/, "", buffer); sub(/.*[ ,]/, "", buffer)
  }
  if (code ~ /^}/ || index(code, "&" buffer)) unset = 0
  if (unset && code ~ /(^|[^A-Za-z0-9_])return([^A-Za-z0-9_]|$)/)
    fault(unset, "a buffer is freed before it is set")
  # a definition: a prototype from the first column on, up to the brace in the first column
  if (code ~ /^[A-Za-z_]/ && code !~ /;[ ]*$/ && code !~ /^(typedef|struct [A-Za-z_]+ *{|enum|union)/ && code ~ /\(/) {
    head = code; head_line = NR
  } else if (head != "" && code !~ /^{/) {
    head = head code
  }
  if (code ~ /;[ ]*$/ && code !~ /^ /) head = ""
  if (code ~ /^{/ && head != "") {
    open_line = NR
    sub(/__attribute__.*/, "", head)
    if (commas_at_top(head) > 7) fault(head_line, "more than 8 parameters")
  }
  if (code ~ /^}/) {
    if (open_line && NR - open_line - 1 > 80) fault(open_line, "a function of " NR - open_line - 1 " lines")
    open_line = 0; head = ""
  }
}
END {
  if (!spdx) fault(1, "no SPDX line")
  if (NR > 800) fault(1, "a file of " NR " lines")
}
