/* SPDX-License-Identifier: Apache-2.0 */
/** @file selector.h
 * Label selectors: requirements separated by commas, all of which must hold.
 *     env=prod   env==prod   tier!=db   role in (web,api)   role notin (db)   gpu   !gpu
 * "!=" and "notin" also hold for hosts without the label. Pure.
 */
#ifndef PHOENIX_API_SELECTOR_H
#define PHOENIX_API_SELECTOR_H
#include "core/base/arena.h"
#include "core/base/json.h"

struct selector; /**< lives in the arena */
/** NULL: @p err (INVALID) says where. An empty text selects everything. */
struct selector *selector_parse(struct arena *a, struct str text, struct err *err) MUST_CHECK;
/** @p labels: an object of strings, or NULL. */
bool selector_match(const struct selector *s, const struct json *labels);
#endif
