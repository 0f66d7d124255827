/* SPDX-License-Identifier: Apache-2.0 */
/* JSON's escapes are a part of YAML's, so that one way of quoting does for both. */
#include "plugins/collector/otelcol/write.h"
#include <stdlib.h>
#include <string.h>

/* Characters that YAML wants escaped, or takes for the end of a line; 0: this is none. */
static unsigned odd_character(const unsigned char *s)
{
    if (s[0] == 0xC2 && s[1] < 0xA0) return s[1];
    if ((s[0] & 0xF0) != 0xE0 || !s[1] || !s[2]) return 0;
    unsigned c = (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    return c == 0x2028 || c == 0x2029 || c == 0xFEFF || c >= 0xFFFE ? c : 0;
}

void write_quoted(FILE *out, const char *text, const char *doubled)
{
    putc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        unsigned odd = odd_character(s);
        if (doubled && strchr(doubled, *s)) putc(*s, out);
        if (*s == '"' || *s == '\\') fprintf(out, "\\%c", *s);
        else if (*s == '\n') fputs("\\n", out);
        else if (*s == '\t') fputs("\\t", out);
        else if (*s < 0x20 || *s == 0x7F) fprintf(out, "\\u%04x", *s);
        else if (odd) fprintf(out, "\\u%04x", odd);
        else putc(*s, out);
        if (odd) s += odd < 0x100 ? 1 : 2;
    }
    putc('"', out);
}

static void write_scalar(FILE *out, const struct doc_node *node)
{
    if (doc_is_string(node)) write_quoted(out, node->text, NULL);
    else fputs(doc_is_null(node) ? "null" : node->text, out);
}

static void write_flow(FILE *out, const struct doc_node *node)
{
    if (node->kind == DOC_SCALAR) {
        write_scalar(out, node);
        return;
    }
    putc(node->kind == DOC_MAP ? '{' : '[', out);
    for (const struct doc_node *child = node->child; child; child = child->next) {
        if (child != node->child) putc(',', out);
        if (child->key) {
            write_quoted(out, child->key, NULL);
            putc(':', out);
        }
        write_flow(out, child);
    }
    putc(node->kind == DOC_MAP ? '}' : ']', out);
}

/* Keys that nobody can take for anything else stand bare. */
static void write_key(FILE *out, const char *key)
{
    static const char *const words[] = { "null", "true", "false", "yes", "no", "on", "off", "y", "n" };
    bool bare =
        key[0] >= 'a' && key[0] <= 'z' && !key[strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_./-")];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) bare = bare && strcmp(key, words[i]);
    if (bare) fputs(key, out);
    else write_quoted(out, key, NULL);
    putc(':', out);
}

/* The children of a container; the first one stands where the line already is, after "- ". */
static void write_block(FILE *out, const struct doc_node *node, int indent, bool begun)
{
    for (const struct doc_node *child = node->child; child; child = child->next) {
        if (!begun) fprintf(out, "%*s", indent, "");
        begun = false;
        if (child->key) write_key(out, child->key);
        else putc('-', out);
        if (child->kind == DOC_SCALAR || !child->child) {
            putc(' ', out);
            write_flow(out, child);
            putc('\n', out);
        } else if (child->key) {
            putc('\n', out);
            write_block(out, child, indent + 2, false);
        } else {
            putc(' ', out);
            write_block(out, child, indent + 2, true);
        }
    }
}

typedef void write_fn(FILE *out, const struct doc_node *root);

static char *write_with(write_fn *fn, const struct doc_node *root, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    if (!out) return NULL;
    fn(out, root);
    bool ok = !ferror(out);
    if (!fclose(out) && ok) return text;
    free(text);
    return NULL;
}

static void write_document(FILE *out, const struct doc_node *root)
{
    if (root->child) write_block(out, root, 0, false);
    else fputs(root->kind == DOC_MAP ? "{}\n" : "[]\n", out);
}

char *write_yaml(const struct doc_node *root, size_t *ret_len)
{
    return write_with(write_document, root, ret_len);
}

char *write_json(const struct doc_node *root, size_t *ret_len)
{
    return write_with(write_flow, root, ret_len);
}
