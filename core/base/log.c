/* SPDX-License-Identifier: Apache-2.0 */
/* Structured log. A line is built in one buffer and leaves in one write(2), so that lines of several
 * threads and processes do not mix. Under journald (JOURNAL_STREAM names our stderr) each line starts
 * with the level in sd-daemon(3)'s form, and without the time, which the journal knows. */
#include "core/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/json.h"

#define LINE_MAX_BYTES 16384

static const struct {
    const char *name;
    enum log_level level;
} events[] = {
#define EV(name_, level_, meaning, todo) { #name_, LOG_LEVEL_##level_ },
#include "core/tables/events.def"
};
static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const char *const journal_levels[] = { "<7>", "<6>", "<4>", "<3>" };

static struct {
    const char *program;
    enum log_level level;
    enum log_format format;
    bool journal;
    void (*capture)(void *arg, const char *line);
    void *capture_arg;
    pthread_mutex_t lock; /* of capture */
} log_state = { .program = "phoenix", .level = LOG_LEVEL_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char mine[64];
    if (!stream || fstat(STDERR_FILENO, &st) != 0)
        return false;
    snprintf(mine, sizeof mine, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(stream, mine) == 0;
}

void log_init(const char *program, enum log_level level, enum log_format format)
{
    log_state.program = program;
    log_state.level = level;
    log_state.format = format;
    log_state.journal = stderr_is_journal();
}

bool log_parse_level(struct str s, enum log_level *ret)
{
    for (unsigned i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (str_eqz(s, level_names[i])) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_event ev)
{
    return log_event_level(ev) >= log_state.level;
}

const char *log_event_name(enum log_event ev)
{
    return (unsigned)ev < EV_COUNT ? events[ev].name : "UNKNOWN";
}

enum log_level log_event_level(enum log_event ev)
{
    return (unsigned)ev < EV_COUNT ? events[ev].level : LOG_LEVEL_ERROR;
}

void log_capture(void (*fn)(void *arg, const char *line), void *arg)
{
    pthread_mutex_lock(&log_state.lock);
    log_state.capture = fn;
    log_state.capture_arg = arg;
    pthread_mutex_unlock(&log_state.lock);
}

/* Bare words stay bare; everything else becomes a JSON string, which escapes what a terminal or a
 * parser of lines could trip over. */
static void add_value(struct buf *out, const char *z)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+-";
    struct jw w;
    jw_init(&w, out);
    if (z[0] && z[strspn(z, bare)] == '\0')
        buf_adds(out, z);
    else
        jw_strz(&w, z);
}

struct pair {
    const char *key, *value;
};

static void format_pairs(struct buf *out, const struct pair *pairs, size_t n)
{
    struct jw w;
    jw_init(&w, out);
    if (log_state.format == LOG_FORMAT_JSON)
        jw_open(&w, '{');
    for (size_t i = 0, written = 0; i < n; i++) {
        if (!pairs[i].value)
            continue;
        if (log_state.format == LOG_FORMAT_JSON) {
            jw_kstr(&w, pairs[i].key, pairs[i].value);
            continue;
        }
        buf_addf(out, written++ ? " %s=" : "%s=", pairs[i].key);
        add_value(out, pairs[i].value);
    }
    if (log_state.format == LOG_FORMAT_JSON)
        jw_close(&w, '}');
}

static void write_line(struct buf *line)
{
    pthread_mutex_lock(&log_state.lock);
    if (log_state.capture) {
        log_state.capture(log_state.capture_arg, buf_cstr(line));
    } else {
        buf_addc(line, '\n');
        const char *p = buf_cstr(line);
        for (size_t left = line->len; left;) {
            ssize_t n = write(STDERR_FILENO, p, left);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                break; /* nobody reads our stderr: there is nowhere left to complain */
            p += n;
            left -= (size_t)n;
        }
    }
    pthread_mutex_unlock(&log_state.lock);
}

static void emit(enum log_event ev, const struct log_ctx *ctx, const char *text, const char *detail)
{
    static const struct log_ctx nothing;
    enum log_level level = log_event_level(ev);
    char when[32];
    struct buf line CLEANUP_BUF;
    buf_init(&line, LINE_MAX_BYTES * 7); /* escaping makes six bytes of one at most */
    if (!ctx)
        ctx = &nothing;
    if (log_state.journal)
        buf_adds(&line, journal_levels[level]);
    const struct pair pairs[] = {
        { "time", log_state.journal ? NULL : rfc3339_format(clock_wall(), when) },
        { "level", level_names[level] },
        { "event", log_event_name(ev) },
        { "msg", text },
        { "program", log_state.program },
        { "req", ctx->req },
        { "exp", ctx->exp },
        { "task", ctx->task },
        { "host", ctx->host },
        { "detail", detail && detail[0] ? detail : NULL },
    };
    format_pairs(&line, pairs, sizeof pairs / sizeof pairs[0]);
    write_line(&line);
}

void log_event(enum log_event ev, const struct log_ctx *ctx, const char *fmt, ...)
{
    if (!log_enabled(ev))
        return;
    char text[LINE_MAX_BYTES / 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    emit(ev, ctx, text, NULL);
}

void log_error(enum log_event ev, const struct log_ctx *ctx, const struct err *e, const char *fmt, ...)
{
    if (!log_enabled(ev))
        return;
    struct buf text CLEANUP_BUF;
    va_list ap;
    buf_init(&text, LINE_MAX_BYTES / 2);
    va_start(ap, fmt);
    buf_vaddf(&text, fmt, ap);
    va_end(ap);
    buf_addf(&text, ": %s", e->msg[0] ? e->msg : err_info(e->code)->title);
    if (e->remedy[0])
        buf_addf(&text, " (%s)", e->remedy);
    emit(ev, ctx, buf_cstr(&text), e->detail);
}

bool log_limit_ok(struct log_limit *l, unsigned *ret_held)
{
    int64_t t = clock_mono();
    if (t < l->next_ns) {
        l->held++;
        return false;
    }
    *ret_held = l->held;
    l->held = 0;
    l->next_ns = t + l->interval_ns;
    return true;
}
