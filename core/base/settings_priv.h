/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of settings.h only. */
#ifndef PHOENIX_BASE_SETTINGS_PRIV_H
#define PHOENIX_BASE_SETTINGS_PRIV_H
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/settings.h"
#include "core/base/str.h"

/** A row of settings.def. */
struct setting {
    const char *key, *dflt, *env_alias, *values, *help;
    enum setting_type type;
    int64_t min, max;
    unsigned flags, programs;
    size_t offset; /* in struct settings */
};
const struct setting *setting__at(unsigned i); /* NULL at the end */
#define SETTINGS_MAX 128

enum setting_source { FROM_DEFAULT, FROM_FILE, FROM_ENV, FROM_FLAG };
struct settings_state {
    struct arena *arena;
    enum program program;
    const char *text[SETTINGS_MAX]; /* of each row, as it was written */
    enum setting_source source[SETTINGS_MAX];
    struct json *file; /* the tree of the file, which `plugins` points into */
};

const char *program__name(enum program program);
/** The row whose key is @p name, where '.', '-' and '_' are the same if @p loose; or -1. */
int setting__find(struct str name, bool loose);
/** The secret row that @p name is the file of (pg.conninfo_file is that of pg.conninfo), or -1. */
int setting__find_file(struct str name, bool loose);
/** The key of @p program closest to @p name, or NULL. */
const char *setting__suggest(struct str name, enum program program);
/** Check @p text and store it in row @p i. On error only the message is set: "must be …, not "x"". */
int setting__assign(struct settings *s, int i, struct str text, enum setting_source source, struct err *err);
/** "PHOENIX_API_URL" for "api.url". */
void setting__env_name(const struct setting *row, char out[64]);
/** One row as lines of a YAML file; without the value if the row is secret. */
void setting__show(const struct setting *row, const char *text, enum setting_source source, struct buf *out);
void settings__help(enum program program, FILE *out);
#endif
