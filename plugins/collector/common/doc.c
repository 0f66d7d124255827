/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events into a tree. The stack of open containers has a fixed depth, nothing recurses, and
 * all nodes hang on one chain by which they are freed. */
#include "plugins/collector/common/doc.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct level {
    struct doc_node *node, *last;
    char *key; /* of the value that comes next */
};
struct builder {
    struct doc *doc;
    struct doc_faults *faults;
    struct level stack[DOC_MAX_DEPTH];
    unsigned depth;
};

void doc_fault(struct doc_faults *f, unsigned line, unsigned column, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    f->n++;
    if (f->put) f->put(f->arg, line, column, text);
}

static void on_first(void *arg, unsigned line, unsigned column, const char *text)
{
    struct doc_first *first = arg;
    if (!first->text[0]) (void)snprintf(first->text, sizeof first->text, "%u:%u: %s", line, column, text);
}

void doc_first_init(struct doc_first *ret)
{
    *ret = (struct doc_first){ .faults = { .put = on_first, .arg = ret } };
}

static bool fault_at(struct builder *b, const yaml_mark_t *mark, const char *why)
{
    doc_fault(b->faults, (unsigned)mark->line + 1, (unsigned)mark->column + 1, "%s", why);
    return false;
}

static struct doc_node *node_new(struct builder *b, enum doc_kind kind, const yaml_mark_t *mark)
{
    if (b->doc->n_nodes >= DOC_MAX_NODES)
        return (void)fault_at(b, mark, "the document has too many nodes"), NULL;
    struct doc_node *node = calloc(1, sizeof *node);
    if (!node) return (void)fault_at(b, mark, "out of memory"), NULL;
    node->kind = kind;
    node->line = (unsigned)mark->line + 1;
    node->column = (unsigned)mark->column + 1;
    node->made_before = b->doc->newest;
    b->doc->newest = node;
    b->doc->n_nodes++;
    return node;
}

/* Hang a node into the open container, or make it the root. */
static void attach(struct builder *b, struct doc_node *node)
{
    if (!b->depth) {
        b->doc->root = node;
        return;
    }
    struct level *top = &b->stack[b->depth - 1];
    node->key = top->key;
    top->key = NULL;
    if (top->last) top->last->next = node;
    else top->node->child = node;
    top->last = node;
}

static bool open_container(struct builder *b, enum doc_kind kind, const yaml_mark_t *mark)
{
    if (b->depth >= DOC_MAX_DEPTH) return fault_at(b, mark, "the document is nested too deeply");
    if (b->depth && b->stack[b->depth - 1].node->kind == DOC_MAP && !b->stack[b->depth - 1].key)
        return fault_at(b, mark, "a key must be a plain word or a string");
    struct doc_node *node = node_new(b, kind, mark);
    if (!node) return false;
    attach(b, node);
    b->stack[b->depth++] = (struct level){ .node = node };
    return true;
}

static bool on_key(struct builder *b, struct level *top, const yaml_event_t *e)
{
    const char *key = (const char *)e->data.scalar.value;
    if (doc_get(top->node, key)) {
        doc_fault(b->faults, (unsigned)e->start_mark.line + 1, (unsigned)e->start_mark.column + 1,
                  "the key \"%.64s\" stands here twice", key);
        return false;
    }
    top->key = strdup(key);
    return top->key || fault_at(b, &e->start_mark, "out of memory");
}

static bool on_scalar(struct builder *b, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    if (e->data.scalar.anchor || e->data.scalar.tag)
        return fault_at(b, &e->start_mark, "anchors and tags are not allowed here");
    if (memchr(text, 0, e->data.scalar.length)) return fault_at(b, &e->start_mark, "a text holds a NUL byte");
    struct level *top = b->depth ? &b->stack[b->depth - 1] : NULL;
    if (top && top->node->kind == DOC_MAP && !top->key) return on_key(b, top, e);
    struct doc_node *node = node_new(b, DOC_SCALAR, &e->start_mark);
    if (!node) return false;
    node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    attach(b, node);
    node->text = strdup(text);
    return node->text || fault_at(b, &e->start_mark, "out of memory");
}

static bool on_event(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT: return on_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT:
        if (e->data.sequence_start.anchor || e->data.sequence_start.tag)
            return fault_at(b, &e->start_mark, "anchors and tags are not allowed here");
        return open_container(b, DOC_LIST, &e->start_mark);
    case YAML_MAPPING_START_EVENT:
        if (e->data.mapping_start.anchor || e->data.mapping_start.tag)
            return fault_at(b, &e->start_mark, "anchors and tags are not allowed here");
        return open_container(b, DOC_MAP, &e->start_mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: b->depth--; return true;
    case YAML_ALIAS_EVENT: return fault_at(b, &e->start_mark, "aliases are not allowed here");
    case YAML_DOCUMENT_START_EVENT:
        return !b->doc->root || fault_at(b, &e->start_mark, "there is more than one document");
    default: return true;
    }
}

static bool read_events(struct builder *b, yaml_parser_t *parser)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event))
            return fault_at(b, &parser->problem_mark, parser->problem ? parser->problem : "this is not YAML");
        more = event.type != YAML_STREAM_END_EVENT;
        bool ok = on_event(b, &event);
        yaml_event_delete(&event);
        if (!ok) return false;
    }
    yaml_mark_t start = { 0 };
    return b->doc->root || fault_at(b, &start, "the document is empty");
}

bool doc_parse(struct doc *ret, const char *text, size_t n, struct doc_faults *faults)
{
    *ret = (struct doc){ 0 };
    struct builder b = { .doc = ret, .faults = faults };
    yaml_mark_t start = { 0 };
    if (n > DOC_MAX_BYTES) return fault_at(&b, &start, "the document is larger than 1 MiB");
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return fault_at(&b, &start, "out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    bool ok = read_events(&b, &parser);
    yaml_parser_delete(&parser);
    for (unsigned i = 0; i < b.depth; i++) free(b.stack[i].key);
    if (!ok) doc_done(ret);
    return ok;
}

void doc_done(struct doc *d)
{
    for (struct doc_node *node = d->newest; node;) {
        struct doc_node *before = node->made_before;
        free(node->key);
        free(node->text);
        free(node);
        node = before;
    }
    *d = (struct doc){ 0 };
}

const struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
    if (!map || map->kind != DOC_MAP) return NULL;
    for (const struct doc_node *node = map->child; node; node = node->next)
        if (!strcmp(node->key, key)) return node;
    return NULL;
}

const char *doc_text(const struct doc_node *map, const char *key, const char *dflt)
{
    const struct doc_node *node = doc_get(map, key);
    return doc_is_string(node) ? node->text : dflt;
}

bool doc_uint(const struct doc_node *node, uint64_t *ret)
{
    if (!node || node->kind != DOC_SCALAR || !node->plain) return false;
    if (!node->text[0] || node->text[strspn(node->text, "0123456789")]) return false;
    errno = 0;
    unsigned long long value = strtoull(node->text, NULL, 10);
    if (errno) return false;
    *ret = value;
    return true;
}

bool doc_real(const struct doc_node *node, double *ret)
{
    if (!node || node->kind != DOC_SCALAR || !node->plain) return false;
    const char *text = node->text;
    /* digits, point and exponent only: strtod() also takes hex, inf and nan */
    if (!isdigit((unsigned char)text[text[0] == '-']) || text[strspn(text, "0123456789+-.eE")]) return false;
    char *end;
    double value = strtod(text, &end);
    if (*end || !isfinite(value)) return false;
    *ret = value;
    return true;
}

bool doc_bool(const struct doc_node *node, bool *ret)
{
    if (!node || node->kind != DOC_SCALAR || !node->plain) return false;
    *ret = !strcmp(node->text, "true");
    return *ret || !strcmp(node->text, "false");
}

bool doc_is_null(const struct doc_node *node)
{
    if (!node) return true;
    return node->kind == DOC_SCALAR && node->plain &&
           (!node->text[0] || !strcmp(node->text, "null") || !strcmp(node->text, "~"));
}

bool doc_is_string(const struct doc_node *node)
{
    double number;
    bool truth;
    if (!node || node->kind != DOC_SCALAR) return false;
    return !node->plain || !(doc_is_null(node) || doc_real(node, &number) || doc_bool(node, &truth));
}
