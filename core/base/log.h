/* SPDX-License-Identifier: Apache-2.0 */
/** @file log.h
 * Structured log: one event a line, logfmt or JSON, to stderr. The one output that base has.
 *
 * A line is: time, level, event, message, then context ids. Control characters are escaped.
 * Only the function that decides what to do about a failure logs it, once.
 */
#ifndef PHOENIX_BASE_LOG_H
#define PHOENIX_BASE_LOG_H
#include <stdbool.h>
#include "core/base/err.h"
#include "core/base/str.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_event {
#define EV(name, level, meaning, todo) EV_##name,
#include "core/tables/events.def"
    EV_COUNT
};
/** What a line is about; members may be NULL. */
struct log_ctx {
    const char *req, *exp, *task, *host;
};
/** Set once at start; until then: logfmt, info, stderr. */
void log_init(const char *program, enum log_level level, enum log_format format);
bool log_parse_level(struct str s, enum log_level *ret);
bool log_enabled(enum log_event ev);
/** Any thread. @p ctx may be NULL. */
void log_event(enum log_event ev, const struct log_ctx *ctx, const char *fmt, ...) PRINTF_LIKE(3, 4);
/** The same, for an error: "TEXT: msg (remedy)", with the detail as a field. */
void log_error(enum log_event ev, const struct log_ctx *ctx, const struct err *e, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/** Row of the table, for manuals and tests. */
const char *log_event_name(enum log_event ev);
enum log_level log_event_level(enum log_event ev);
/** Where lines go, for tests; NULL: back to stderr. Called with the line without newline. */
void log_capture(void (*fn)(void *arg, const char *line), void *arg);

/** Lets a repeated complaint through at most once per interval, and counts what it held back. */
struct log_limit {
    int64_t interval_ns, next_ns;
    unsigned held;
};
bool log_limit_ok(struct log_limit *l, unsigned *ret_held);
#endif
