/* SPDX-License-Identifier: Apache-2.0 */
/** @file yaml.h
 * The part of YAML that configuration needs, on libyaml's events, to and from JSON trees.
 *
 * One document; scalars resolve as in the YAML 1.2 core schema; anchors, aliases, tags, complex
 * keys, duplicate keys and NaN are refused; size, depth and node count have limits.
 */
#ifndef PHOENIX_BASE_YAML_H
#define PHOENIX_BASE_YAML_H
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/str.h"

/** Nodes carry their line: json_line(). An empty text is an empty object. Errors: INVAL with
 *  "line:column", LIMIT. */
struct json *yaml_parse(struct str text, const struct json_limits *limits, struct err *err) MUST_CHECK;
/** Block style, by libyaml's emitter; strings that would read back as something else are quoted. */
void yaml_write(const struct json *j, struct buf *out);
/** Read a whole regular file of at most @p max_bytes; initialises @p out, which the caller frees also
 *  after an error: NOTFOUND, INVAL (no regular file), LIMIT, IO. */
int file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err) MUST_CHECK;
#endif
