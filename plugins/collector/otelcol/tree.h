/* SPDX-License-Identifier: Apache-2.0 */
/** @file tree.h
 * Documents (doc.h) that are changed: nodes are made, moved from one document into another, merged. A node
 * lives as long as the document that made it, wherever it hangs. Functions that recurse go no deeper than
 * documents do (DOC_MAX_DEPTH). Pure.
 */
#ifndef PHOENIX_OTELCOL_TREE_H
#define PHOENIX_OTELCOL_TREE_H
#include "plugins/collector/common/doc.h"

/** Where in a document: the keys on the way, innermost first, each on the stack of who went there. */
struct place {
    const struct place *up;
    const char *key; /**< NULL: an element of a list */
};
/** A fault at @p node, as "service.pipelines: TEXT". A document that a program wrote is one line: then the
 *  place says more than line and column. */
void place_fault(struct doc_faults *f, const struct place *place, const struct doc_node *node,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/** The place as text, "service.pipelines". */
void place_text(const struct place *place, char *ret, size_t cap);

struct doc_node *tree_get(struct doc_node *map, const char *key); /**< doc_get(), to be changed */
/** Unhang the member; NULL if there is none. */
struct doc_node *tree_take(struct doc_node *map, const char *key);
/** Hang @p node, which hangs nowhere, at the end of a map (under the key that it has) or a list. */
void tree_add(struct doc_node *parent, struct doc_node *node);
/** A new node of @p d: a string, or an empty list or map with @p text NULL. @p key NULL: for a list.
 *  NULL: out of memory. */
struct doc_node *tree_make(struct doc *d, enum doc_kind kind, const char *key, const char *text);
/** Does the list hold this string? */
bool tree_lists(const struct doc_node *list, const char *text);
bool tree_equal(const struct doc_node *a, const struct doc_node *b);
/** Before the first slash: "otlp" of "otlp/in". */
bool tree_is_type(const struct doc_node *component, const char *type);

enum merge {
    MERGE_OWN,    /**< ours to say: a scalar that differs is a fault, lists grow by what they lack */
    MERGE_DEFAULT /**< scalars and lists of the document stay */
};
/** Hang into @p into what it lacks of @p from, whose nodes are taken; both are maps. Maps merge; null counts
 *  as absent. */
void tree_merge(struct doc_node *into, struct doc_node *from, enum merge how, const struct place *place,
                struct doc_faults *faults);
#endif
