/* SPDX-License-Identifier: Apache-2.0 */
/* The field tables of types.def, compiled. */
#include "core/api/types.h"
#include "core/base/limits.h"

#define TYPE(id, is_open, help) static const struct field fields_##id[] = {
#define ARRAY_TYPE(id, item, help) \
    static const struct field fields_##id[] = { { .kind = F_OBJECT, .sub = &type_##item }, { .name = NULL } };
#define MEMBER(name_, kind_, flags_, ...) { .name = name_, .kind = kind_, .flags = flags_, __VA_ARGS__ },
#define END_TYPE(id) { .name = NULL } };
#include "core/tables/types.def"

#define TYPE(id, is_open, help_) \
    const struct schema type_##id = { .name = #id, .help = help_, .fields = fields_##id, .open = is_open };
#define ARRAY_TYPE(id, item, help_) \
    const struct schema type_##id = { \
        .name = #id, .help = help_, .fields = fields_##id + 1, .array_of = fields_##id \
    };
#define MEMBER(name, kind, flags, ...)
#define END_TYPE(id)
#include "core/tables/types.def"
