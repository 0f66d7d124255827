/* SPDX-License-Identifier: Apache-2.0 */
/** @file types.h
 * The JSON documents of the API, from types.def: type_experiment_create and so on.
 */
#ifndef PHOENIX_API_TYPES_H
#define PHOENIX_API_TYPES_H
#include "core/base/schema.h"

#define TYPE(id, is_open, help) extern const struct schema type_##id;
#define ARRAY_TYPE(id, item, help) TYPE(id, false, help)
#define MEMBER(name, kind, flags, ...)
#define END_TYPE(id)
#include "core/tables/types.def"
#endif
