/* SPDX-License-Identifier: Apache-2.0 */
/* collections.def as the tables that drivers are given. Static, constant. */
#include "core/store/store.h"

/* The type of each field, by name: a condition of an index needs it as a constant. */
#define FIELD(id, name, member, type, flags) T_##id##_##member = type,
#define COLLECTION(id, name, n_key, flags, time_field, view) enum type_##id {
#define END_COLLECTION(id) T_##id##_END };
#include "core/tables/collections.def"

#define COLLECTION(id, name, n_key, flags, time_field, view) static const phx_field fields_##id[] = {
#define FIELD(id, name, member, type, flags) { name, type, flags },
#define END_COLLECTION(id) };
#include "core/tables/collections.def"

#define COLUMNS(...) \
    (const int32_t[]){ __VA_ARGS__ }, sizeof((const int32_t[]){ __VA_ARGS__ }) / sizeof(int32_t)
/* A text or an int; the other member stays empty. -Wwrite-strings makes texts const. */
#define IF_TEXT(v, then, otherwise) _Generic((v), char *: (then), const char *: (then), default: (otherwise))
#define VALUE(t, v)                                                                      \
    { .type = (t), .i = _Generic((v), int: (v), default: 0),                             \
      .s = { IF_TEXT(v, v, NULL), IF_TEXT(v, sizeof(v) - 1, 0) } }
#define COLLECTION(id, name, n_key, flags, time_field, view) static const phx_index indexes_##id[] = {
#define INDEX(id, name, ...) { name, COLUMNS(__VA_ARGS__), 0, NULL },
#define INDEX_WHERE(id, name, member, value, ...)                                      \
    { name, COLUMNS(__VA_ARGS__), 1,                                                   \
      (const phx_cond[]){ { F_##id##_##member, PHX_EQ, 1, 0,                           \
                            (const phx_cell[]){ VALUE(T_##id##_##member, value) } } } },
#define END_COLLECTION(id) { NULL, NULL, 0, 0, NULL } };
#include "core/tables/collections.def"

static const phx_collection collections[] = {
#define COLLECTION(id, table, keys, bits, time, people)                                                     \
    [C_##id] = { .size = sizeof(phx_collection), .flags = bits, .name = table,                      \
                 .n_fields = F_##id##_COUNT, .n_key = keys, .fields = fields_##id,                  \
                 .n_indexes = sizeof(indexes_##id) / sizeof(phx_index) - 1,                         \
                 .time_field = (uint32_t)(time), .indexes = indexes_##id, .view = people },
#include "core/tables/collections.def"
};

const phx_collection *collection_of(enum collection c)
{
    return (unsigned)c < C_COUNT ? &collections[c] : NULL;
}

