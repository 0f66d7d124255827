# SPDX-License-Identifier: Apache-2.0
# From the preprocessed plugin.h to a C program that prints its layout: each member of each struct with
# offset, size and declaration, each constant, each interface id. Ids come as "ID name" lines in front.
function trim(s) { gsub(/[ \t\n]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }
function quoted(s) { gsub(/"/, "\\\"", s); return s }
function member(type, decl, name) {
    decl = trim(decl)
    if (decl == "") return
    if (match(decl, /\(\*[a-z_0-9]+\)/)) {
        name = substr(decl, RSTART + 2, RLENGTH - 3)
        row(type, name, decl)
        return
    }
    split_list(type, decl)
}
# "uint32_t size, zero" and "const char *kind, *name": one type, several names.
function split_list(type, decl, parts, n, i, name, base) {
    n = split(decl, parts, ",")
    base = parts[1]
    sub(/[ *]*[a-z_0-9]+$/, "", base)
    for (i = 1; i <= n; i++) {
        name = trim(parts[i])
        match(name, /[a-z_0-9]+$/)
        name = substr(name, RSTART)
        row(type, name, trim(i == 1 ? parts[1] : base " " trim(parts[i])))
    }
}
function row(type, name, decl) {
    printf "    printf(\"%%s.%s %%zu %%zu %s\\n\", \"%s\", offsetof(%s, %s), sizeof(((%s *)0)->%s));\n", \
        name, quoted(decl), type, ctype, name, ctype, name
}
function body(text, type, i, c, depth, decl) {
    depth = 0; decl = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") depth++
        if (c == ")") depth--
        if (c == ";" && depth == 0) { member(type, decl); decl = "" }
        else decl = decl c
    }
}
# What does not start with its size can never grow.
function frozen(text, type) {
    if (trim(text) !~ /^uint32_t size/)
        printf "    printf(\"sizeof %s %%zu\\n\", sizeof(%s));\n", type, ctype
}
function constants(text, parts, n, i, name) {
    n = split(text, parts, ",")
    for (i = 1; i <= n; i++) {
        name = trim(parts[i]); sub(/[ =].*/, "", name)
        if (name != "") printf "    printf(\"%s = %%lld\\n\", (long long)%s);\n", name, name
    }
}
/^ID / { printf "    printf(\"%s = \\\"%%s\\\"\\n\", %s);\n", $2, $2; next }
/^#/ { next }
{ all = all $0 " " }
END {
    rest = all
    while (match(rest, /typedef [^;{}]*;/)) {
        printf "    puts(\"%s\");\n", trim(substr(rest, RSTART, RLENGTH - 1))
        rest = substr(rest, RSTART + RLENGTH)
    }
    while (match(all, /(struct|enum)[ a-z_0-9]*\{[^}]*\}/)) {
        head = substr(all, RSTART, RLENGTH)
        all = substr(all, RSTART + RLENGTH)
        open = index(head, "{")
        inside = substr(head, open + 1, length(head) - open - 1)
        name = trim(substr(head, 1, open - 1))
        if (name ~ /^enum/) constants(inside)
        else if (name ~ /^struct phx_/) { ctype = name; sub(/^struct /, "", name); body(inside, name); frozen(inside, name) }
    }
}
