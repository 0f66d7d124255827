/* SPDX-License-Identifier: Apache-2.0 */
/* A selector is an array of requirements; a requirement is a key and the values it is compared with. */
#include "core/api/selector.h"

enum { REQUIREMENTS_MAX = 32, VALUES_MAX = 64 };
enum requirement_op { OP_IN, OP_NOT_IN, OP_EXISTS, OP_ABSENT };
struct requirement {
    enum requirement_op op;
    char *key;
    struct str *values;
    size_t n_values;
};
struct selector {
    size_t n;
    struct requirement at[REQUIREMENTS_MAX];
};

static bool key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '/';
}

static void skip_spaces(struct str *rest)
{
    while (rest->n && (*rest->p == ' ' || *rest->p == '\t')) {
        rest->p++;
        rest->n--;
    }
}

static bool take(struct str *rest, const char *literal)
{
    skip_spaces(rest);
    if (!str_starts(*rest, literal)) {
        return false;
    }
    rest->p += strlen(literal);
    rest->n -= strlen(literal);
    return true;
}

static struct str take_word(struct str *rest)
{
    skip_spaces(rest);
    struct str word = { rest->p, 0 };
    while (word.n < rest->n && key_char(rest->p[word.n])) {
        word.n++;
    }
    rest->p += word.n;
    rest->n -= word.n;
    return word;
}

static int fail(struct err *err, struct str all, struct str rest, const char *wanted)
{
    return err_set(err, ERR_INVALID, "selector: %s is expected at character %zu", wanted, all.n - rest.n + 1);
}

static int parse_set(struct arena *a, struct str all, struct str *rest, struct requirement *r,
                     struct err *err)
{
    if (!take(rest, "(")) {
        return fail(err, all, *rest, "\"(\"");
    }
    do {
        struct str word = take_word(rest);
        if (!word.n || r->n_values == VALUES_MAX) {
            return fail(err, all, *rest, word.n ? "\")\" (too many values)" : "a value");
        }
        r->values[r->n_values++] = arena_str(a, word);
    } while (take(rest, ","));
    return take(rest, ")") ? 0 : fail(err, all, *rest, "\")\"");
}

/* What follows the key: an operator with its values, or nothing. */
static int parse_rest(struct arena *a, struct str all, struct str *rest, struct requirement *r,
                      struct err *err)
{
    bool is_not = take(rest, "!=");
    if (is_not || take(rest, "==") || take(rest, "=")) {
        r->op = is_not ? OP_NOT_IN : OP_IN;
        r->values[r->n_values++] = arena_str(a, take_word(rest)); /* may be empty, as the label's value */
        return 0;
    }
    skip_spaces(rest);
    if (!rest->n || *rest->p == ',') {
        r->op = OP_EXISTS;
        return 0;
    }
    struct str word = take_word(rest);
    if (str_eqz(word, "in") || str_eqz(word, "notin")) {
        r->op = word.n == 2 ? OP_IN : OP_NOT_IN;
        return parse_set(a, all, rest, r, err);
    }
    rest->p -= word.n;
    rest->n += word.n;
    return fail(err, all, *rest, "=, !=, in, notin or a comma");
}

static int parse_one(struct arena *a, struct str all, struct str *rest, struct requirement *r,
                     struct err *err)
{
    bool absent = take(rest, "!");
    struct str key = take_word(rest);
    if (!key.n) {
        return fail(err, all, *rest, "a label");
    }
    r->key = arena_strndup(a, key);
    r->values = arena_calloc(a, VALUES_MAX, sizeof *r->values);
    if (absent) {
        r->op = OP_ABSENT;
        return 0;
    }
    return parse_rest(a, all, rest, r, err);
}

struct selector *selector_parse(struct arena *a, struct str text, struct err *err)
{
    struct selector *s = arena_alloc(a, sizeof *s);
    struct str rest = str_trim(text);
    if (!rest.n) {
        return s;
    }
    text = rest;
    do {
        if (s->n == REQUIREMENTS_MAX) {
            err_set(err, ERR_INVALID, "selector: more than %d requirements", REQUIREMENTS_MAX);
            return NULL;
        }
        if (parse_one(a, text, &rest, &s->at[s->n++], err)) {
            return NULL;
        }
    } while (take(&rest, ","));
    skip_spaces(&rest);
    if (rest.n) {
        fail(err, text, rest, "a comma");
        return NULL;
    }
    return s;
}

static bool requirement_holds(const struct requirement *r, const struct json *labels)
{
    const struct json *value = json_get(labels, r->key);
    if (r->op == OP_EXISTS || r->op == OP_ABSENT) {
        return (value != NULL) == (r->op == OP_EXISTS);
    }
    bool found = false;
    for (size_t i = 0; value && i < r->n_values; i++) {
        found = found || str_eq(json_text(value), r->values[i]);
    }
    return found == (r->op == OP_IN);
}

bool selector_match(const struct selector *s, const struct json *labels)
{
    for (size_t i = 0; i < s->n; i++) {
        if (!requirement_holds(&s->at[i], labels)) {
            return false;
        }
    }
    return true;
}
