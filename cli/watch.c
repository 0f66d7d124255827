/* SPDX-License-Identifier: Apache-2.0 */
/* Following an experiment: one long-poll of its events after the other. The API answers when something
 * has happened; the clock of the live line is the tick of the waiting call. */
#include <stdio.h>
#include <time.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "core/base/clock.h"
#include "core/base/mem.h"

#define WAIT_NS (30 * NS_PER_S)
#define RETRIES 10 /* of a call that the API could not answer; 2 s apart */

struct watch {
    struct ctx *c;
    const char *id;
    char phase[32], last_event[64];
    int64_t since_ns, total_ns, deadline_ns; /* since: wall; deadline: monotonic, 0: none */
    bool line_is_open;
    unsigned failures;
};

static void clear_line(struct watch *w)
{
    if (w->line_is_open)
        fputs("\r\x1b[K", stdout);
    w->line_is_open = false;
}

static void on_tick(void *arg)
{
    struct watch *w = arg;
    struct buf text CLEANUP_BUF = { 0 };
    if (!w->c->terminal || w->c->format != FORMAT_TABLE || !w->phase[0])
        return;
    buf_init(&text, 4096);
    progress_text(&text, w->phase, clock_wall() - w->since_ns, w->total_ns);
    printf("\r\x1b[K%s", buf_cstr(&text));
    fflush(stdout);
    w->line_is_open = true;
}

static bool is_over(const char *phase)
{
    static const char *const over[] = { "completed", "promoted", "rolled_back", "stopped", "failed" };
    for (unsigned i = 0; i < sizeof over / sizeof over[0]; i++)
        if (strcmp(phase, over[i]) == 0)
            return true;
    return false;
}

static struct json *get_experiment(struct watch *w, struct err *err)
{
    struct target t;
    target_init(&t, "/api/v1/experiments/%s", w->id);
    struct json *doc = client_get(w->c->client, &t, err);
    if (!doc)
        return NULL;
    str_copy(w->phase, sizeof w->phase, str_of(json_get_str(doc, "phase", "")));
    w->total_ns = 0;
    if (strcmp(w->phase, "warmup") == 0)
        w->total_ns = json_get_duration(json_get(doc, "config"), "warmup_duration", 0);
    else if (strcmp(w->phase, "running") == 0)
        w->total_ns = json_get_duration(json_get(doc, "config"), "duration", 0);
    if (!rfc3339_parse(json_text(json_path(doc, "status.phase_since")), &w->since_ns))
        w->since_ns = clock_wall();
    return doc;
}

static void print_event(struct watch *w, const struct json *event)
{
    static const struct column time_of = { "", "at", COL_TIME };
    struct buf raw CLEANUP_BUF, safe CLEANUP_BUF;
    buf_init(&raw, 65536);
    buf_init(&safe, 65536 * 6);
    column_text(event, &time_of, &raw);
    const char *to = json_get_str(event, "to", json_get_str(event, "type", ""));
    buf_addf(&raw, "  %-12s %s", to, json_get_str(event, "message", ""));
    text_escape(&safe, buf_str(&raw));
    clear_line(w);
    puts(buf_cstr(&safe));
    fflush(stdout);
}

/* One long-poll; new events are printed. */
static int poll_events(struct watch *w, struct err *err)
{
    struct json *doc = NULL;
    struct target t;
    char wait[32];
    int64_t left = w->deadline_ns ? w->deadline_ns - clock_mono() : WAIT_NS;
    int64_t wait_ns = left < WAIT_NS ? left : WAIT_NS;
    wait_ns = wait_ns < NS_PER_MS ? NS_PER_MS : wait_ns / NS_PER_MS * NS_PER_MS;
    target_init(&t, "/api/v1/experiments/%s/events", w->id);
    target_query(&t, "wait", format_duration(wait_ns, wait));
    target_query(&t, "after", w->last_event[0] ? w->last_event : NULL);
    int rc = client_call(w->c->client, "GET", &t, NULL, wait_ns + 10 * NS_PER_S, &doc, err);
    target_done(&t);
    const struct json *events = json_get(doc, "events");
    for (size_t i = 0; i < json_len(events); i++) {
        const struct json *event = json_at(events, i);
        str_copy(w->last_event, sizeof w->last_event, str_of(json_get_str(event, "id", "")));
        if (w->c->format == FORMAT_TABLE)
            print_event(w, event);
    }
    if (rc == 0 && strcmp(json_get_str(doc, "phase", w->phase), w->phase) != 0)
        w->phase[0] = '\0'; /* to be read again */
    json_free(doc);
    return rc;
}

/* Whether a failed call is worth another one; waits before it. */
static bool may_retry(struct watch *w, const struct err *err)
{
    if (!err_info(err->code)->retryable || ++w->failures > RETRIES)
        return false;
    nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL);
    return true;
}

/* How the experiment ended, as an exit code. */
static int outcome(struct ctx *c, const struct json *doc)
{
    const char *phase = json_get_str(doc, "phase", "");
    const char *decision = json_str(json_path(doc, "status.verdict.decision"), NULL);
    bool is_final = json_is(json_path(doc, "status.verdict"), JSON_OBJECT);
    if (print_document(c, doc))
        ;
    else if (is_final) {
        struct buf safe CLEANUP_BUF;
        buf_init(&safe, 65536);
        text_escape(&safe, str_of(json_str(json_path(doc, "status.verdict.reason"), "")));
        printf("%s: verdict %s: %s\n", phase, decision ? decision : "-", buf_cstr(&safe));
    } else {
        printf("%s\n", phase);
    }
    const char *cmd = c->args.cmd->path;
    if (strcmp(phase, "failed") == 0)
        return EXIT_ERROR;
    if (strcmp(phase, "promoted") == 0 || strcmp(cmd, "experiment stop") == 0 ||
        strcmp(cmd, "experiment rollback") == 0)
        return EXIT_PASS; /* what was asked for has happened */
    return is_final ? verdict_exit(decision) : EXIT_INCONCLUSIVE;
}

static bool is_late(const struct watch *w)
{
    return w->deadline_ns && clock_mono() >= w->deadline_ns;
}

/* Until the experiment is over: its document in *ret. */
static int follow(struct watch *w, struct json **ret, struct err *err)
{
    while (!is_late(w)) {
        struct err now = { 0 };
        int rc = 0;
        if (!w->phase[0]) {
            struct json *doc = get_experiment(w, &now);
            rc = doc ? 0 : now.code;
            if (doc && is_over(w->phase)) {
                *ret = doc;
                return 0;
            }
            json_free(doc);
        } else {
            rc = poll_events(w, &now);
        }
        if (rc == 0)
            w->failures = 0;
        else if (!may_retry(w, &now)) {
            *err = now;
            return rc;
        }
    }
    return err_set(err, ERR_TIMEOUT, "experiment %s is still %s", w->id,
                   w->phase[0] ? w->phase : "on its way");
}

int watch_follow(struct ctx *c, const char *id, const char *after, struct json **ret)
{
    struct watch w = { .c = c, .id = id };
    struct err err = { 0 };
    int64_t timeout_ns;
    const char *timeout = args_get(&c->args, "timeout");
    if (timeout && parse_duration(str_of(timeout), &timeout_ns))
        w.deadline_ns = clock_mono() + timeout_ns;
    if (after)
        str_copy(w.last_event, sizeof w.last_event, str_of(after));
    client_on_tick(c->client, on_tick, &w);
    int rc = follow(&w, ret, &err);
    client_on_tick(c->client, NULL, NULL);
    clear_line(&w);
    if (rc != 0)
        return print_error(c, &err);
    /* what the last poll has not shown yet */
    if (w.last_event[0] && c->format == FORMAT_TABLE) {
        w.deadline_ns = clock_mono() + 1;
        (void)(poll_events(&w, &err) == 0);
    }
    return EXIT_PASS;
}

int watch_experiment(struct ctx *c, const char *id, const char *after)
{
    struct json *doc CLEANUP_JSON = NULL;
    int code = watch_follow(c, id, after, &doc);
    return doc ? outcome(c, doc) : code;
}
