/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/otelcol/values.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* ------------------------------------------------------------------------------------ dollars */

static bool is_ours(const char *name, size_t n)
{
    static const char *const ours[] = {
        "PHX_ADDRESS",     "PHX_EXPORT_PORT",    "PHX_TELEMETRY_PORT",
        "PHX_HEALTH_PORT", "PHX_OTLP_HTTP_PORT", "PHX_OTLP_GRPC_PORT",
        "PHX_HOST_ID",     "PHX_EXPERIMENT",     "PHX_VARIANT",
    };
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strlen(ours[i]) == n && !memcmp(ours[i], name, n)) return true;
    return false;
}

enum dollar values_dollar(const char **at)
{
    for (const char *s = strchr(*at, '$'); s; s = strchr(s, '$')) {
        size_t n = strspn(s + 1, WORD);
        if (s[1] == '$') {
            s += 2;
        } else if (s[1] == '{') {
            const char *name = s + 2;
            *at = name;
            if (strncmp(name, "env:", 4)) return DOLLAR_FOREIGN;
            name += 4;
            n = strspn(name, WORD);
            if (name[n] != '}') return DOLLAR_FOREIGN;
            if (n > 11 && !memcmp(name, "PHX_SECRET_", 11)) return DOLLAR_SECRET;
            return is_ours(name, n) ? DOLLAR_OURS : DOLLAR_FOREIGN;
        } else if (n) {
            *at = s + 1 + n;
            return DOLLAR_OLD;
        } else {
            s++;
        }
    }
    return DOLLAR_NONE;
}

/* A value that is a parameter's may be anybody's: it must not read files, secrets or addresses. */
static void check_text(struct values *v, const struct place *place, const struct doc_node *node,
                       const char *text)
{
    for (enum dollar d; !v->lets_all && (d = values_dollar(&text)) != DOLLAR_NONE;)
        if (d == DOLLAR_FOREIGN || d == DOLLAR_SECRET) {
            place_fault(v->faults, place, node,
                        "${...} names a variable that Phoenix sets, such as ${env:PHX_HOST_ID}, and nothing "
                        "else");
            return;
        }
}

/* --------------------------------------------------------------------------------------- OTTL */

struct ottl {
    FILE *out;
    struct values *values;
    const struct place *place;
};

/* A character of a string literal, within which the collector still sees `$`. */
static void put_char(FILE *out, char c)
{
    if (c == '$') fputs("$$", out);
    else if (c == '"' || c == '\\') fprintf(out, "\\%c", c);
    else if ((unsigned char)c < 0x20 || c == 0x7F) fprintf(out, "\\u%04x", (unsigned)c);
    else putc(c, out);
}

static void put_string(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) put_char(out, *text);
    putc('"', out);
}

/* OTTL's numbers have 64 bits, or a point. */
static void put_number(FILE *out, const char *text)
{
    size_t whole = strspn(text, "-0123456789");
    errno = 0;
    (void)strtoll(text, NULL, 10);
    bool fits = !text[whole] && !errno;
    fwrite(text, 1, whole, out);
    if (!fits && text[whole] != '.') fputs(".0", out);
    fputs(text + whole, out);
}

static void put_glob(FILE *out, const char *glob)
{
    for (; *glob; glob++) {
        if (*glob == '*') fputs(".*", out);
        else if (*glob == '?') putc('.', out);
        else {
            if (strchr("\\.+()|[]{}^$", *glob)) put_char(out, '\\');
            put_char(out, *glob);
        }
    }
}

/* Globs as one regular expression for a whole text; of none, one that matches nothing. */
static void put_globs(struct ottl *o, const struct doc_node *list)
{
    if (list->kind != DOC_LIST)
        place_fault(o->values->faults, o->place, list, "globs takes a list of texts");
    fputs(list->child ? "\"^(?s:" : "\"[^\\\\s\\\\S]\"", o->out);
    for (const struct doc_node *item = list->child; item; item = item->next) {
        if (item != list->child) putc('|', o->out);
        if (item->kind == DOC_SCALAR) put_glob(o->out, item->text);
        else place_fault(o->values->faults, o->place, item, "globs takes a list of texts");
    }
    if (list->child) fputs(")$$\"", o->out);
}

static void put_scalar(FILE *out, const struct doc_node *node)
{
    double number;
    if (doc_is_string(node)) put_string(out, node->text);
    else if (doc_is_null(node)) fputs("nil", out);
    else if (doc_real(node, &number)) put_number(out, node->text);
    else fputs(node->text, out); /* true, false */
}

static void put_literal(struct ottl *o, const struct doc_node *node)
{
    const struct doc_node *globs = doc_get(node, "globs");
    if (node->kind == DOC_SCALAR) {
        put_scalar(o->out, node);
    } else if (node->kind == DOC_LIST) {
        putc('[', o->out);
        for (const struct doc_node *item = node->child; item; item = item->next) {
            if (item != node->child) fputs(", ", o->out);
            put_literal(o, item);
        }
        putc(']', o->out);
    } else if (globs && !node->child->next) {
        put_globs(o, globs);
    } else {
        place_fault(o->values->faults, o->place, node,
                    "a value of OTTL is a scalar, a list or {globs: LIST}");
    }
}

/* {name}, a word between braces, is a value; other braces are OTTL's. */
static void put_statement(struct ottl *o, const struct doc_node *text, const struct doc_node *with)
{
    for (const char *s = text->text; *s;) {
        size_t n = *s == '{' && !(s[1] >= '0' && s[1] <= '9') ? strspn(s + 1, WORD) : 0;
        bool is_variable = s > text->text && s[-1] == '$';
        if (!n || s[1 + n] != '}' || is_variable) {
            putc(*s++, o->out);
            continue;
        }
        char name[64];
        (void)snprintf(name, sizeof name, "%.*s", (int)(n < 63 ? n : 63), s + 1);
        const struct doc_node *value = doc_get(with, name);
        if (value) put_literal(o, value);
        else place_fault(o->values->faults, o->place, text, "with has no value for {%s}", name);
        s += n + 2;
    }
}

static char *fill(struct values *v, const struct place *place, const struct doc_node *text,
                  const struct doc_node *with)
{
    char *filled = NULL;
    size_t len;
    struct ottl o = { open_memstream(&filled, &len), v, place };
    if (!o.out) return NULL;
    put_statement(&o, text, with);
    bool ok = !ferror(o.out);
    if (!fclose(o.out) && ok) return filled;
    free(filled);
    return NULL;
}

/* ------------------------------------------------------------------------------ special scalars */

static void become_text(struct values *v, struct doc_node *node, char *text)
{
    if (!text) {
        v->out_of_memory = true;
        return;
    }
    node->kind = DOC_SCALAR;
    node->plain = false;
    node->child = NULL; /* its children are the document's */
    node->text = text;
}

static bool is_secret_name(const char *name)
{
    return name[0] && name[0] != '.' && strlen(name) <= 64 && !name[strspn(name, WORD ".-")];
}

static void resolve_secret(struct values *v, const struct place *place, struct doc_node *node)
{
    const struct doc_node *name = node->child;
    unsigned i = 0;
    if (!doc_is_string(name) || !is_secret_name(name->text)) {
        place_fault(v->faults, place, node, "a secret is named by letters, digits, \".\", \"_\" and \"-\"");
        return;
    }
    while (i < v->n_secrets && strcmp(v->secrets[i], name->text)) i++;
    if (i == VALUES_MAX_SECRETS) {
        place_fault(v->faults, place, node, "there are more than %d secrets", VALUES_MAX_SECRETS);
        return;
    }
    v->secrets[i] = name->text;
    v->n_secrets += i == v->n_secrets;
    char text[32];
    (void)snprintf(text, sizeof text, "${env:PHX_SECRET_%u}", i + 1);
    become_text(v, node, strdup(text));
}

static void resolve_ottl(struct values *v, const struct place *place, struct doc_node *node)
{
    const struct doc_node *text = doc_get(node, "ottl"), *with = doc_get(node, "with");
    if (!doc_is_string(text) || (with && with->kind != DOC_MAP)) {
        place_fault(v->faults, place, node, "ottl takes a text, with takes a map");
        return;
    }
    become_text(v, node, fill(v, place, text, with));
    if (node->text) check_text(v, place, node, node->text);
}

static bool is_special(const struct doc_node *node, const char *member, unsigned n_max)
{
    unsigned n = 0;
    for (const struct doc_node *child = node->child; child; child = child->next) n++;
    return doc_get(node, member) && n <= n_max && (n == 1 || doc_get(node, "with"));
}

static void resolve_below(struct values *v, const struct place *place, struct doc_node *parent);

static void resolve(struct values *v, const struct place *place, struct doc_node *node)
{
    if (is_special(node, "ottl", 2)) resolve_ottl(v, place, node);
    else if (is_special(node, "secret", 1)) resolve_secret(v, place, node);
    else if (node->kind == DOC_SCALAR) check_text(v, place, node, node->text);
    else resolve_below(v, place, node);
}

static void resolve_below(struct values *v, const struct place *place, struct doc_node *parent)
{
    for (struct doc_node *child = parent->child; child; child = child->next) {
        struct place here = { place, child->key };
        if (child->key && strlen(child->key) > VALUES_MAX_KEY)
            place_fault(v->faults, place, child, "a key has more than %d bytes", VALUES_MAX_KEY);
        resolve(v, &here, child);
    }
}

void values_resolve(struct values *v, struct doc_node *root)
{
    resolve_below(v, NULL, root);
}
