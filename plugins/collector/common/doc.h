/* SPDX-License-Identifier: Apache-2.0 */
/** @file doc.h
 * A document as a tree that remembers lines and columns: YAML, of which JSON is a part. Made for
 * text of other people: size, depth and node count are limited; aliases, anchors, tags, duplicate
 * keys and NUL bytes are faults. libyaml only, so that plugins and collector can share it. Pure.
 */
#ifndef PHOENIX_COLLECTOR_DOC_H
#define PHOENIX_COLLECTOR_DOC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DOC_MAX_BYTES = 1 << 20, DOC_MAX_DEPTH = 16, DOC_MAX_NODES = 20000 };

/** Where faults go; lines and columns count from 1. */
struct doc_faults {
    void (*put)(void *arg, unsigned line, unsigned column, const char *text);
    void *arg;
    unsigned n; /**< faults so far */
};
void doc_fault(struct doc_faults *f, unsigned line, unsigned column, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/** A sink that keeps the first fault only, as "line:column: text". */
struct doc_first {
    struct doc_faults faults; /**< give &first->faults to whoever reports */
    char text[320];
};
void doc_first_init(struct doc_first *ret);

enum doc_kind { DOC_SCALAR, DOC_LIST, DOC_MAP };
struct doc_node {
    enum doc_kind kind;
    bool plain;             /**< a scalar without quotes: may be a number, a boolean, null */
    unsigned line, column;
    char *key;              /**< name in the map that holds it; else NULL */
    char *text;             /**< DOC_SCALAR: NUL-terminated */
    struct doc_node *child; /**< first element or member */
    struct doc_node *next;  /**< next one of the same parent */
    struct doc_node *made_before;
};
struct doc {
    struct doc_node *root, *newest;
    size_t n_nodes;
};

/** True: @p ret holds a tree (end it with doc_done()). False: it is empty, the faults say why. */
bool doc_parse(struct doc *ret, const char *text, size_t n, struct doc_faults *faults);
void doc_done(struct doc *d);
/** Member of a map; NULL if there is none or @p map is none (NULL allowed). */
const struct doc_node *doc_get(const struct doc_node *map, const char *key);
/** Text of a string member, else @p dflt. */
const char *doc_text(const struct doc_node *map, const char *key, const char *dflt);
/* A node as a typed value; false: it is none. */
bool doc_uint(const struct doc_node *node, uint64_t *ret);
bool doc_real(const struct doc_node *node, double *ret); /**< finite */
bool doc_bool(const struct doc_node *node, bool *ret);
bool doc_is_null(const struct doc_node *node); /**< absent counts */
bool doc_is_string(const struct doc_node *node);
#endif
