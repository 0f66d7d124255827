/* SPDX-License-Identifier: Apache-2.0 */
/* Who is stepped when. A run is stepped when it is poked (a task ended, a host changed, a user said
 * something) or when its timer is due; never twice at a time: a poke during a step makes another one
 * follow. A step that fails (the store is away) is tried again after a back-off, one for which another
 * process was faster at once; nothing is remembered but the ids, so that the store stays the only truth.
 *
 * In the process that leads there is a run for every experiment that is live. In others one lives as
 * long as its commands; what comes of them, and what tasks and hosts do, the leader is told.
 */
#include "core/api/scheduler.h"

#include <stdlib.h>

#include "core/api/peers.h"
#include "core/api/scheduler_priv.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

struct event_watch {
    struct event_watch *next, *prev;
    struct scheduler *s;
    char id[UUID_LEN + 1]; /* empty: any */
    loop_fn *fn;
    void *arg;
};

static const int64_t BACKOFF_NS = 200 * NS_PER_MS, BACKOFF_MAX_NS = 10 * NS_PER_S;
enum { OUTRUN_MAX = 20 }; /* each time somebody else got on, so more is a fault of ours */

static void on_timer(void *arg);

/* ---- runs */

static struct run *run_find(struct scheduler *s, const char *id)
{
    struct run *run;
    HASH_FIND_STR(s->runs, id, run);
    return run;
}

static struct run *run_get(struct scheduler *s, const char *id)
{
    struct run *run = run_find(s, id);
    if (run) return run;
    run = mem_alloc(sizeof *run);
    run->s = s;
    str_copy(run->id, sizeof run->id, str_of(id));
    run->timer = timer_new(s->api->loop, on_timer, run);
    HASH_ADD_STR(s->runs, id, run);
    return run;
}

static void run_free(struct run *run)
{
    HASH_DEL(run->s->runs, run);
    timer_free(run->timer);
    for (size_t i = 0; i < run->n_hosts; i++) free(run->hosts[i]);
    free(run->hosts);
    free(run);
}

static void scheduler_free(struct scheduler *s)
{
    struct run *run, *tmp;
    HASH_ITER(hh, s->runs, run, tmp) run_free(run);
    timer_free(s->take_up);
    looks_stop(s->looks);
    free(s);
}

static void poke(struct run *run)
{
    if (run->s->stopping) return;
    if (run->stepping) {
        run->again = true;
        return;
    }
    timer_clear(run->timer);
    run->stepping = true;
    run->s->steps++;
    step__begin(run);
}

static void on_timer(void *arg)
{
    poke(arg);
}

/* ---- the end of a step */

static void answer(struct step *step, const struct err *err)
{
    if (!step->cmd) return;
    step->cmd->done(step->cmd->arg, err);
    free(step->cmd);
    step->cmd = NULL;
}

static void retry_later(struct run *run, const struct err *err)
{
    int64_t delay = BACKOFF_NS << (run->failures < 6 ? run->failures : 6);
    struct log_ctx ctx = { .exp = run->id };
    if (run->failures++ == 0) log_error(EV_SCHEDULER, &ctx, err, "could not step the experiment");
    timer_set(run->timer, delay < BACKOFF_MAX_NS ? delay : BACKOFF_MAX_NS);
}

/* When time alone does something: the plan's time, or the next look. */
static void arm(struct run *run, const struct step *step)
{
    int64_t at = step->plan.wake_ns, look = looks_due(run->s->looks, step);
    if (step->doc.phase == PHASE_RUNNING && (at == 0 || look < at)) at = look;
    if (step->doc.phase == PHASE_ANALYZING && look > at) at = look; /* nothing else is waited for */
    if (at == 0) return;
    int64_t delay = at - clock_wall();
    timer_set(run->timer, delay > 0 ? delay : 0);
}

/* The step has ended; true: and with it all, the scheduler was waiting for it. */
static bool step_ended(struct run *run)
{
    struct scheduler *s = run->s;
    run->stepping = false;
    s->steps--;
    if (!s->stopping) return false;
    if (s->steps == 0) scheduler_free(s);
    return true;
}

void scheduler__stepped(struct step *step, int rc, bool moved, const struct err *err)
{
    struct run *run = step->run;
    bool leads = peers_lead(run->s->api);
    bool gone = rc == ERR_NOTFOUND, refused = rc != 0 && step->cmd;
    answer(step, rc ? err : NULL); /* what is wrong with a command is the user's to know */
    if (rc == 0) run->failures = 0;
    run->outrun = 0;
    if (step_ended(run)) {
        arena_free(step->arena);
        return;
    }
    if (run->commands || (leads && !gone && (run->again || moved || refused))) {
        run->again = false;
        poke(run);
    } else if (!leads || gone || (rc == 0 && !phase_is_live(step->doc.phase))) {
        run_free(run);
    } else if (rc != 0) {
        retry_later(run, err);
    } else {
        arm(run, step);
    }
    arena_free(step->arena);
}

bool scheduler__outrun(struct step *step)
{
    struct run *run = step->run;
    if (run->s->stopping || ++run->outrun > OUTRUN_MAX) return false;
    if (step->cmd) LL_PREPEND(run->commands, step->cmd);
    step_ended(run);
    arena_free(step->arena);
    if (run->commands || peers_lead(run->s->api)) poke(run);
    else run_free(run);
    return true;
}

void scheduler__keep_hosts(struct run *run, const struct spec *spec)
{
    if (run->hosts) return;
    run->hosts = mem_calloc(spec->n_hosts + 1, sizeof *run->hosts);
    for (; run->n_hosts < spec->n_hosts; run->n_hosts++)
        run->hosts[run->n_hosts] = mem_strdup(spec->hosts[run->n_hosts]);
}

/* ---- pokes from elsewhere */

void scheduler_task_changed(struct api *api, const char *experiment_id)
{
    if (!api->scheduler || !experiment_id) return;
    struct run *run = run_find(api->scheduler, experiment_id);
    if (!peers_lead(api)) store_signal(api->store, TOPIC_OUTCOMES, experiment_id);
    else if (run) poke(run);
}

static int by_name(const void *key, const void *elem)
{
    return strcmp(key, *(const char *const *)elem);
}

/* Before its first step nobody knows which hosts it has. */
static bool has_host(const struct run *run, const char *host_id)
{
    return !run->hosts || bsearch(host_id, run->hosts, run->n_hosts, sizeof *run->hosts, by_name);
}

void scheduler_host_changed(struct api *api, const char *host_id)
{
    struct run *run, *tmp;
    if (!api->scheduler) return;
    if (!peers_lead(api)) {
        store_signal(api->store, TOPIC_HOSTS, host_id);
        return;
    }
    HASH_ITER(hh, api->scheduler->runs, run, tmp)
        if (has_host(run, host_id)) poke(run);
}

void scheduler_peer_wrote(struct api *api, const char *experiment_id)
{
    if (!api->scheduler || !uuid_valid(str_of(experiment_id))) return;
    scheduler__published(api->scheduler, experiment_id);
    if (peers_lead(api)) poke(run_get(api->scheduler, experiment_id));
}

void scheduler_command(struct scheduler *s, const char *experiment_id, enum input command, const char *actor,
                       const char *reason, command_done_fn *done, void *arg)
{
    struct run *run = run_get(s, experiment_id);
    struct command *cmd = mem_alloc(sizeof *cmd);
    *cmd = (struct command){ .input = command, .done = done, .arg = arg };
    str_copy(cmd->actor, sizeof cmd->actor, str_of(actor));
    str_copy(cmd->reason, sizeof cmd->reason, str_of(reason ? reason : ""));
    LL_APPEND(run->commands, cmd);
    poke(run);
}

/* ---- watches */

struct event_watch *scheduler_watch(struct scheduler *s, const char *experiment_id, loop_fn *fn, void *arg)
{
    struct event_watch *w = mem_alloc(sizeof *w);
    *w = (struct event_watch){ .s = s, .fn = fn, .arg = arg };
    if (experiment_id) str_copy(w->id, sizeof w->id, str_of(experiment_id));
    DL_APPEND(s->watches, w);
    return w;
}

void scheduler_unwatch(struct event_watch *w)
{
    DL_DELETE(w->s->watches, w);
    free(w);
}

void scheduler__published(struct scheduler *s, const char *experiment_id)
{
    struct event_watch *due = NULL, *w, *tmp;
    DL_FOREACH_SAFE(s->watches, w, tmp)
        if (!*w->id || !experiment_id || strcmp(w->id, experiment_id) == 0) {
            DL_DELETE(s->watches, w);
            DL_APPEND(due, w);
        }
    DL_FOREACH_SAFE(due, w, tmp) {
        DL_DELETE(due, w);
        w->fn(w->arg);
        free(w);
    }
}

size_t scheduler_live(const struct scheduler *s)
{
    return HASH_COUNT(s->runs);
}

/* ---- start and stop */

static void on_live(void *arg, const struct result *res)
{
    struct api *api = arg;
    if (!api->scheduler) return;
    api->scheduler->taking_up = false;
    if (!peers_lead(api)) return;
    if (res->rc != 0) {
        log_error(EV_SCHEDULER, NULL, &res->err, "could not read the live experiments");
        timer_set(api->scheduler->take_up, BACKOFF_MAX_NS);
        return;
    }
    for (size_t i = 0; i < res->n_rows; i++)
        poke(run_get(api->scheduler, row_text(&res->rows[i], F_EXPERIMENTS_ID)));
}

static void take_up(void *arg)
{
    scheduler_look(arg);
}

void scheduler_look(struct api *api)
{
    struct query *q;
    if (!api->scheduler || api->scheduler->taking_up) return;
    api->scheduler->taking_up = true;
    q = q_scan(api->store, C_EXPERIMENTS);
    q_where_int(q, F_EXPERIMENTS_LIVE, PHX_EQ, 1);
    q_only(q, F_EXPERIMENTS_ID);
    store_run(q, on_live, api);
}

void scheduler_lost(struct api *api)
{
    struct run *run, *tmp;
    if (!api->scheduler) return;
    timer_clear(api->scheduler->take_up);
    HASH_ITER(hh, api->scheduler->runs, run, tmp)
        if (!run->stepping) run_free(run);
}

int scheduler_start(struct api *api, struct err *err)
{
    struct scheduler *s = mem_alloc(sizeof *s);
    s->api = api;
    int rc = looks_start(api, &s->looks, err);
    if (rc != 0) {
        free(s);
        return rc;
    }
    api->scheduler = s;
    s->take_up = timer_new(api->loop, take_up, api);
    return 0;
}

void scheduler_drain(struct api *api)
{
    if (!api->scheduler) return;
    scheduler__published(api->scheduler, NULL);
    looks_drain(api->scheduler->looks);
}

void scheduler_stop(struct api *api)
{
    struct scheduler *s = api->scheduler;
    struct event_watch *w, *tmp;
    if (!s) return;
    api->scheduler = NULL;
    s->stopping = true;
    timer_clear(s->take_up);
    DL_FOREACH_SAFE(s->watches, w, tmp) scheduler_unwatch(w);
    if (s->steps == 0) scheduler_free(s);
}
