/* SPDX-License-Identifier: Apache-2.0 */
/** @file settings.h
 * Settings of all programs from one table (settings.def): file, environment, flags, --help,
 * --print-config and the manual. Precedence: flag, environment, file, default. The object is
 * immutable after settings_load(); a reload builds a new one.
 */
#ifndef PHOENIX_BASE_SETTINGS_H
#define PHOENIX_BASE_SETTINGS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "core/base/err.h"
#include "core/base/json.h"

enum program { PROGRAM_API = 1, PROGRAM_AGENT = 2, PROGRAM_COLLECTOR = 4, PROGRAM_CLI = 8 };
enum setting_type { ST_STRING, ST_BOOL, ST_INT, ST_DURATION, ST_SIZE, ST_ENUM, ST_LIST };
enum { SF_SECRET = 1, SF_DIR = 2 };

/** Values as the programs read them: strings borrowed from the object; durations in ns, sizes in
 *  bytes; a list is a comma-separated string split by the reader. */
struct settings {
#define SETTING(member, key, type, dflt, min, max, flags, programs, env, values, help) \
    SETTING_FIELD_##type(member)
#define SETTING_FIELD_ST_STRING(m) const char *m;
#define SETTING_FIELD_ST_ENUM(m) const char *m;
#define SETTING_FIELD_ST_LIST(m) const char *m;
#define SETTING_FIELD_ST_BOOL(m) bool m;
#define SETTING_FIELD_ST_INT(m) int64_t m;
#define SETTING_FIELD_ST_DURATION(m) int64_t m;
#define SETTING_FIELD_ST_SIZE(m) int64_t m;
#include "core/tables/settings.def"
#undef SETTING_FIELD_ST_STRING
#undef SETTING_FIELD_ST_ENUM
#undef SETTING_FIELD_ST_LIST
#undef SETTING_FIELD_ST_BOOL
#undef SETTING_FIELD_ST_INT
#undef SETTING_FIELD_ST_DURATION
#undef SETTING_FIELD_ST_SIZE
    /** Free-form tables of the file: "plugins.NAME" is the config of component NAME. */
    const struct json *plugins;
    struct settings_state *state; /**< private: where each value came from */
};

/** What main() must do after settings_load(). */
enum settings_action { SETTINGS_RUN, SETTINGS_EXIT };

/**
 * Read everything for @p program. Handles --help, --version, --print-config and --dump itself
 * (prints, and answers SETTINGS_EXIT; *ret is then NULL). Flags: --key value, --key=value, -key=value
 * (one dash, as in -log-level=debug; '.', '-' and '_' are the same), booleans also --key and --no-key;
 * `--` ends them. The file (YAML) is named by --config or PHOENIX_CONFIG; there is no default one. It
 * may hold the settings of other programs too. Environment: PHOENIX_API_URL for api.url and so on, and
 * the aliases of the table; other PHOENIX_ variables are let alone, since Kubernetes makes some. A secret
 * can come from a file of its own, by KEY_file: PATH, --key-file PATH or PHOENIX_KEY_FILE; its one line is
 * the value.
 *
 * @errors CONFIG with file:line and the key's name; USAGE
 * @owner  caller frees *ret with settings_free()
 */
int settings_load(enum program program, int argc, char **argv, char **env, struct settings **ret,
                  enum settings_action *ret_action, struct err *err) MUST_CHECK;
void settings_free(struct settings *s);
/** All settings of the program as a file that --config would take: value, source, help; no secrets. */
void settings_print(const struct settings *s, FILE *out);
/** The manual's table (Markdown) of one program. */
void settings_dump(enum program program, FILE *out);
/** What --dump prints: "settings", "errors", "events" or "limits" as Markdown, or "man": the flags as a part
 *  of a manual page. False: no such table. */
bool tables_dump(enum program program, const char *what, FILE *out);
/** Text for troff: a hyphen that can be copied, and no line that starts with a request. */
void roff_write(const char *text, FILE *out);
#endif
