/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of json.h only. */
#ifndef PHOENIX_BASE_JSON_PRIV_H
#define PHOENIX_BASE_JSON_PRIV_H
#include "core/base/json.h"

/** The `why` of a scanner that met its max_depth. */
extern const char js__too_deep[];
/** @p limits (NULL allowed) with the defaults filled in. */
struct json_limits json__limits(const struct json_limits *limits);
/** json_set() for a key that @p obj certainly has not; @p key is copied. */
void json__add_member(struct json *obj, const char *key, struct json *value);
/** Whether the object has the member, be it null. */
bool json__has(const struct json *obj, const char *key);
#endif
