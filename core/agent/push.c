/* SPDX-License-Identifier: Apache-2.0 */
/* A group lives from the first tick that is pushed until the Pushgateway has confirmed its deletion. Its
 * name is in state.json before the first push leaves: whatever ends the agent, its next start deletes what
 * no collector stands for. A Pushgateway forgets nothing by itself.
 *
 * 400 and 413 mean the body, so the next bodies have only the measures of the arm, which are ours and
 * small; after a while the whole is tried again. Any other failure means the Pushgateway: wait, longer each
 * time. */
#include <stdlib.h>
#include <utlist.h>
#include "core/agent/backoff.h"
#include "core/agent/push.h"
#include "core/agent/push_body.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/measures.h"
#include "core/base/mem.h"

enum { GROUPS_MAX = 256, URL_BYTES = 2048, BARE_PUSHES = 30, WHY_BYTES = 300 };
#define TIMEOUT_NS (10 * NS_PER_S)
#define RETRY_FIRST_NS (500 * NS_PER_MS)
#define RETRY_CAP_NS (300 * NS_PER_S)
#define SHUTDOWN_NS (3 * NS_PER_S)

struct push_group {
    struct push *push;
    struct push_group *prev, *next;
    char experiment_id[UUID_LEN + 1], variant[64];
    char *url;
    bool is_wanted; /* some collector stands for it */
    bool is_last;   /* its deletion was tried, at shutdown */
    struct buf body;
    bool is_whole;             /* the body has the series of body_tick_ns */
    int64_t body_tick_ns, pushed_tick_ns;
    int64_t not_before_mono;   /* back-off */
    struct backoff backoff;
    unsigned bare;             /* pushes left without series */
    bool has_warned;           /* of lines left out */
    size_t left_out;
    uint64_t failed_total;
    struct fetch *call;
    struct timer *retry; /* of a deletion */
};
struct push {
    struct push_conf conf;
    char base[512];
    struct push_group *groups;
    unsigned n_groups;
    bool is_away;
    uint64_t failed; /* since it is away */
    struct timer *patience;
    loop_fn *shut_down; /* who waits for the deletions at the end */
    void *shut_down_arg;
};

static void group_delete(struct push_group *g);

/* ------------------------------------------------------------------------------------- groups */

static void on_retry(void *arg)
{
    struct push_group *g = arg;
    if (!g->is_wanted) /* else its arm has come back meanwhile */
        group_delete(g);
}

static struct push_group *group_new(struct push *p, const char *experiment_id, const char *variant,
                                    const char *url)
{
    struct push_group *g = mem_alloc(sizeof *g);
    g->push = p;
    str_copy(g->experiment_id, sizeof g->experiment_id, str_of(experiment_id));
    str_copy(g->variant, sizeof g->variant, str_of(variant));
    g->url = mem_strdup(url);
    g->backoff = (struct backoff){ .first_ns = RETRY_FIRST_NS, .cap_ns = RETRY_CAP_NS };
    g->retry = timer_new(p->conf.loop, on_retry, g);
    buf_init(&g->body, LIMIT_PUSH_BYTES);
    DL_APPEND(p->groups, g);
    p->n_groups++;
    return g;
}

static void group_free(struct push_group *g)
{
    g->push->n_groups--;
    DL_DELETE(g->push->groups, g);
    timer_free(g->retry);
    buf_done(&g->body);
    free(g->url);
    free(g);
}

/** Where an arm of this host is pushed, by the settings of now; in @p out. NULL: it is too long. */
static const char *url_of(const struct push *p, const char *experiment_id, const char *variant,
                          struct buf *out)
{
    buf_init(out, URL_BYTES);
    buf_adds(out, p->base);
    push_path(experiment_id, variant, p->conf.host_id, out);
    return out->failed ? NULL : buf_cstr(out);
}

static struct push_group *group_find(struct push *p, const char *url)
{
    struct push_group *g;
    DL_FOREACH(p->groups, g) {
        if (strcmp(g->url, url) == 0)
            return g;
    }
    return NULL;
}

/** The group of a tick, made at the first one. NULL: off, or too many wait for their deletion. */
static struct push_group *group_of(struct push *p, const struct push_tick *t)
{
    CLEANUP_BUF struct buf text;
    const char *url = url_of(p, t->experiment_id, t->variant, &text);
    struct push_group *g = url ? group_find(p, url) : NULL;
    if (g || !url || !p->conf.is_on || p->n_groups == GROUPS_MAX)
        return g;
    g = group_new(p, t->experiment_id, t->variant, url);
    g->is_wanted = true;
    state_save(p->conf.state); /* before anything leaves */
    return g;
}

/* ------------------------------------------------------------------------------------ answers */

static bool is_done(const struct fetch_reply *reply)
{
    return reply->rc == 0 && reply->status >= 200 && reply->status < 300;
}

/** Log once when the Pushgateway goes away and once when it is back. */
static void note_answer(struct push *p, const struct fetch_reply *reply)
{
    bool is_away = !is_done(reply);
    p->failed += is_away;
    if (is_away && !p->is_away && reply->rc != 0)
        log_event(EV_PUSH_AWAY, NULL, "%s: %s", p->base, reply->why ? reply->why : "no answer");
    else if (is_away && !p->is_away)
        log_event(EV_PUSH_AWAY, NULL, "%s answers %d", p->base, reply->status);
    else if (!is_away && p->is_away)
        log_event(EV_PUSH_BACK, NULL, "%s, after %llu requests that failed", p->base,
                  (unsigned long long)p->failed);
    if (!is_away)
        p->failed = 0;
    p->is_away = is_away;
}

static void group_failed(struct push_group *g, const struct fetch_reply *reply)
{
    int64_t wait = backoff_asked(&g->backoff, reply->retry_after_ns, random_u64());
    note_answer(g->push, reply);
    g->not_before_mono = clock_mono() + wait;
    if (!g->is_wanted)
        timer_set(g->retry, wait);
}

static void shutdown_check(struct push *p)
{
    struct push_group *g;
    loop_fn *done = p->shut_down;
    if (!done)
        return;
    DL_FOREACH(p->groups, g) {
        if (!g->is_last || g->call)
            return;
    }
    p->shut_down = NULL;
    timer_clear(p->patience);
    done(p->shut_down_arg);
}

/* ------------------------------------------------------------------------------------- delete */

static void on_deleted(void *arg, const struct fetch_reply *reply)
{
    struct push_group *g = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* g may be gone */
    struct push *p = g->push;
    g->call = NULL;
    if (!is_done(reply) && reply->status != 404) {
        group_failed(g, reply);
    } else if (g->is_wanted) {
        backoff_reset(&g->backoff);
    } else {
        note_answer(p, &(struct fetch_reply){ .status = 200 });
        group_free(g);
        state_changed(p->conf.state);
    }
    shutdown_check(p);
}

static void group_delete(struct push_group *g)
{
    struct push *p = g->push;
    struct err err = { 0 };
    struct fetch_req req = {
        .method = "DELETE", .url = g->url, .timeout_ns = TIMEOUT_NS, .max_reply = LIMIT_PUSH_ANSWER_BYTES
    };
    if (g->call)
        return; /* its end comes back here */
    g->is_last = p->shut_down != NULL;
    g->call = fetch_start(p->conf.fetcher, &req, on_deleted, g, &err);
    if (!g->call)
        group_failed(g, &(struct fetch_reply){ .rc = err.code, .why = err.msg });
}

/** The group of @p c, by the settings of now; NULL: none, or its collector is out of the experiment. */
static struct push_group *group_of_collector(struct push *p, const struct collector *c)
{
    CLEANUP_BUF struct buf text;
    const struct spec *spec = collector_spec(c);
    const char *url = url_of(p, spec->experiment_id, spec->variant, &text);
    bool is_over = collector_is_kept(c) || collector_status(c) == COLLECTOR_FAILED ||
                   collector_status(c) == COLLECTOR_STOPPED;
    return url && p->conf.is_on && !is_over ? group_find(p, url) : NULL;
}

void push_changed(struct push *p)
{
    struct push_group *g;
    DL_FOREACH(p->groups, g)
        g->is_wanted = false;
    for (const struct collector *c = supervisor_first(p->conf.supervisor); c; c = collector_next(c)) {
        g = group_of_collector(p, c);
        if (g)
            g->is_wanted = true;
    }
    DL_FOREACH(p->groups, g) {
        if (!g->is_wanted && !timer_is_set(g->retry))
            group_delete(g);
    }
}

/* --------------------------------------------------------------------------------------- push */

/** A refusal has a line for each series that is wrong; what is fine is answered with nothing. */
static bool is_about_the_body(const struct fetch_reply *reply)
{
    return reply->rc == ERR_LIMIT || (reply->rc == 0 && (reply->status == 400 || reply->status == 413));
}

static void on_pushed(void *arg, const struct fetch_reply *reply)
{
    struct push_group *g = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* g may be gone */
    struct push *p = g->push;
    struct log_ctx ctx = { .exp = g->experiment_id };
    g->call = NULL;
    if (is_done(reply)) {
        note_answer(p, reply);
        backoff_reset(&g->backoff);
        g->bare -= g->bare > 0;
    } else if (g->is_whole && is_about_the_body(reply)) {
        struct str why = reply->rc == 0 ? reply->body : str_of(reply->why);
        int n = why.n < WHY_BYTES ? (int)why.n : WHY_BYTES;
        log_event(EV_PUSH_REFUSED, &ctx, "%s: %d: %.*s", g->variant, reply->status, n, why.p);
        g->bare = BARE_PUSHES;
        g->pushed_tick_ns = 0; /* the next tick */
        g->failed_total++;
    } else {
        g->failed_total++;
        group_failed(g, reply);
    }
    buf_done(&g->body); /* the agent is small between its pushes */
    if (!g->is_wanted)
        group_delete(g);
}

/** A tick is pushed if the next one would come too late for the interval. */
static bool is_due(const struct push_group *g, const struct push_tick *t)
{
    int64_t next_ns = t->tick_ns + t->interval_ns - t->interval_ns / 4; /* ticks come a little late */
    return !g->call && g->is_wanted && clock_mono() >= g->not_before_mono &&
           (t->tick_ns < g->pushed_tick_ns || next_ns > g->pushed_tick_ns + g->push->conf.interval_ns);
}

void push_exposition(struct push *p, const struct push_tick *t, struct str text)
{
    struct push_group *g = group_of(p, t);
    if (!g || !is_due(g, t))
        return;
    struct log_ctx ctx = { .exp = g->experiment_id };
    buf_reset(&g->body);
    g->body_tick_ns = t->tick_ns;
    g->left_out = g->bare > 0 ? 0 : push_series(text, &g->body);
    g->is_whole = g->bare == 0;
    if (g->left_out > 0 && !g->has_warned)
        log_event(EV_PUSH_LEFT_OUT, &ctx, "%s: %zu lines", g->variant, g->left_out);
    g->has_warned = g->left_out > 0;
    if (!g->body.failed)
        return;
    log_event(EV_PUSH_REFUSED, &ctx, "%s: more than %d bytes", g->variant, LIMIT_PUSH_BYTES);
    g->bare = BARE_PUSHES;
    g->is_whole = false;
    buf_done(&g->body);
}

static void group_push(struct push_group *g)
{
    static const char *const headers[] = { "Content-Type: text/plain; version=0.0.4; charset=utf-8", NULL };
    struct err err = { 0 };
    struct fetch_req req = { .method = "PUT",
                             .url = g->url,
                             .headers = headers,
                             .body = buf_str(&g->body),
                             .timeout_ns = TIMEOUT_NS,
                             .max_reply = LIMIT_PUSH_ANSWER_BYTES };
    g->call = fetch_start(g->push->conf.fetcher, &req, on_pushed, g, &err);
    if (!g->call)
        group_failed(g, &(struct fetch_reply){ .rc = err.code, .why = err.msg });
}

void push_measures(struct push *p, const struct push_tick *t, const double *values)
{
    struct push_group *g = group_of(p, t);
    if (!g || !is_due(g, t))
        return;
    if (g->body_tick_ns != t->tick_ns) {
        if (values[MEASURE_UP] == 1)
            return; /* the push before it ended in the middle of this tick */
        buf_reset(&g->body);
        g->is_whole = false;
        g->left_out = 0;
    }
    struct push_facts facts = { .values = values,
                                .tick_ns = t->tick_ns,
                                .left_out = g->left_out,
                                .failed_total = g->failed_total };
    push_facts(&facts, &g->body);
    g->pushed_tick_ns = t->tick_ns;
    group_push(g);
}

/* -------------------------------------------------------------------------------------- state */

static void save_section(void *arg, struct jw *w)
{
    const struct push *p = arg;
    const struct push_group *g;
    jw_key(w, "pushed");
    jw_open(w, '[');
    DL_FOREACH(p->groups, g) {
        jw_open(w, '{');
        jw_kstr(w, "experiment_id", g->experiment_id);
        jw_kstr(w, "variant", g->variant);
        jw_kstr(w, "url", g->url);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static bool is_http(struct str url)
{
    return (str_starts(url, "http://") || str_starts(url, "https://")) && url.n < URL_BYTES;
}

void push_load(struct push *p, const struct json *state)
{
    const struct json *list = json_get(state, "pushed");
    for (size_t i = 0; i < json_len(list) && p->n_groups < GROUPS_MAX; i++) {
        const struct json *record = json_at(list, i);
        const char *url = json_get_str(record, "url", "");
        const char *experiment_id = json_get_str(record, "experiment_id", "");
        const char *variant = json_get_str(record, "variant", "");
        if (is_http(str_of(url)) && uuid_valid(str_of(experiment_id)) && name_valid(str_of(variant), false) &&
            !group_find(p, url))
            group_new(p, experiment_id, variant, url);
    }
    push_changed(p);
}

/* -------------------------------------------------------------------------------- start, stop */

static void on_patience_over(void *arg)
{
    struct push *p = arg;
    loop_fn *done = p->shut_down;
    p->shut_down = NULL;
    done(p->shut_down_arg);
}

struct push *push_new(const struct push_conf *conf, struct err *err)
{
    struct str url = str_of(conf->url);
    while (url.n > 0 && url.p[url.n - 1] == '/')
        url.n--;
    if (!is_http(url) || url.n > 400) {
        err_set(err, ERR_CONFIG, "pushgateway.url: \"%s\" is not an http or https URL", conf->url);
        return NULL;
    }
    struct push *p = mem_alloc(sizeof *p);
    p->conf = *conf;
    str_copy(p->base, sizeof p->base, url);
    p->patience = timer_new(conf->loop, on_patience_over, p);
    state_section(conf->state, save_section, p);
    return p;
}

void push_free(struct push *p)
{
    if (!p)
        return;
    while (p->groups)
        group_free(p->groups);
    timer_free(p->patience);
    free(p);
}

void push_shutdown(struct push *p, loop_fn *done, void *arg)
{
    struct push_group *g, *next;
    p->conf.is_on = false;
    p->shut_down = done;
    p->shut_down_arg = arg;
    timer_set(p->patience, SHUTDOWN_NS);
    DL_FOREACH_SAFE(p->groups, g, next) {
        g->is_wanted = false;
        timer_clear(g->retry);
        group_delete(g);
    }
    shutdown_check(p);
}
