/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/otelcol/tree.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void place_text(const struct place *place, char *ret, size_t cap)
{
    const char *keys[DOC_MAX_DEPTH + 1];
    unsigned n = 0;
    size_t len = 0;
    for (; place && n <= DOC_MAX_DEPTH; place = place->up)
        if (place->key) keys[n++] = place->key;
    ret[0] = 0;
    while (n-- && len < cap) {
        int more = snprintf(ret + len, cap - len, "%s%.64s", len ? "." : "", keys[n]);
        len += more > 0 ? (size_t)more : 0;
    }
}

void place_fault(struct doc_faults *f, const struct place *place, const struct doc_node *node,
                 const char *fmt, ...)
{
    char where[128], text[160];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    place_text(place, where, sizeof where);
    doc_fault(f, node->line, node->column, "%s%s%s", where, where[0] ? ": " : "", text);
}

struct doc_node *tree_get(struct doc_node *map, const char *key)
{
    struct doc_node *node = map && map->kind == DOC_MAP ? map->child : NULL;
    while (node && strcmp(node->key, key)) node = node->next;
    return node;
}

struct doc_node *tree_take(struct doc_node *map, const char *key)
{
    struct doc_node *node = tree_get(map, key);
    if (!node) return NULL;
    struct doc_node **link = &map->child;
    while (*link != node) link = &(*link)->next;
    *link = node->next;
    node->next = NULL;
    return node;
}

void tree_add(struct doc_node *parent, struct doc_node *node)
{
    struct doc_node **link = &parent->child;
    while (*link) link = &(*link)->next;
    *link = node;
    node->next = NULL;
}

struct doc_node *tree_make(struct doc *d, enum doc_kind kind, const char *key, const char *text)
{
    struct doc_node *node = calloc(1, sizeof *node);
    if (!node) return NULL;
    node->kind = kind;
    node->key = key ? strdup(key) : NULL;
    node->text = text ? strdup(text) : NULL;
    node->made_before = d->newest;
    d->newest = node;
    d->n_nodes++;
    return (key && !node->key) || (text && !node->text) ? NULL : node;
}

bool tree_lists(const struct doc_node *list, const char *text)
{
    for (const struct doc_node *item = list ? list->child : NULL; item; item = item->next)
        if (item->kind == DOC_SCALAR && !strcmp(item->text, text)) return true;
    return false;
}

bool tree_equal(const struct doc_node *a, const struct doc_node *b)
{
    if (a->kind != b->kind || !a->key != !b->key || (a->key && strcmp(a->key, b->key))) return false;
    if (doc_is_null(a) || doc_is_null(b)) return doc_is_null(a) && doc_is_null(b);
    if (a->kind == DOC_SCALAR) return doc_is_string(a) == doc_is_string(b) && !strcmp(a->text, b->text);
    const struct doc_node *x = a->child, *y = b->child;
    while (x && y && tree_equal(x, y)) {
        x = x->next;
        y = y->next;
    }
    return !x && !y;
}

bool tree_is_type(const struct doc_node *component, const char *type)
{
    size_t n = strlen(type);
    return !strncmp(component->key, type, n) && (!component->key[n] || component->key[n] == '/');
}

static void merge_lists(struct doc_node *into, struct doc_node *from)
{
    for (struct doc_node *item = from->child, *next; item; item = next) {
        next = item->next;
        if (item->kind != DOC_SCALAR || !tree_lists(into, item->text)) tree_add(into, item);
    }
}

void tree_merge(struct doc_node *into, struct doc_node *from, enum merge how, const struct place *place,
                struct doc_faults *faults)
{
    for (struct doc_node *ours = from->child, *next; ours; ours = next) {
        next = ours->next;
        struct place here = { place, ours->key };
        struct doc_node *theirs = tree_get(into, ours->key);
        if (theirs && doc_is_null(theirs)) {
            (void)tree_take(into, ours->key);
            theirs = NULL;
        }
        if (!theirs) tree_add(into, ours);
        else if (theirs->kind != ours->kind)
            place_fault(faults, &here, theirs, "must be a %s",
                        ours->kind == DOC_MAP    ? "map"
                        : ours->kind == DOC_LIST ? "list"
                                                 : "text or a number");
        else if (ours->kind == DOC_MAP) tree_merge(theirs, ours, how, &here, faults);
        else if (how == MERGE_OWN && ours->kind == DOC_LIST) merge_lists(theirs, ours);
        else if (how == MERGE_OWN && strcmp(theirs->text, ours->text))
            place_fault(faults, &here, theirs, "is for Phoenix to set: leave it out");
    }
}
