/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of an experiment. Order of precedence in one step: a user's command, hosts that are
 * lost or broken, guardrails, then time. Everything is derived from stored facts and the time given,
 * so that a restart, or another replica, goes on where the last one stopped.
 */
#include "core/experiment/machine.h"

#include <stdio.h>

#include "core/base/clock.h"

/* A host gets its time from the start of each phase, also if it was silent before. */
static int64_t last_sign(const struct exp_facts *f, const struct host_fact *h)
{
    return h->last_seen_ns > f->phase_since_ns ? h->last_seen_ns : f->phase_since_ns;
}

static bool alive(const struct exp_facts *f, const struct host_fact *h)
{
    return f->now_ns - last_sign(f, h) < f->spec->host_lost_ns;
}

static size_t taking_part(const struct exp_facts *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->spec->n_hosts; i++) n += !f->hosts[i].out;
    return n;
}

/* Time alone changes something at @p at: remember the earliest. */
static void wake_at(struct exp_plan *plan, int64_t at_ns)
{
    if (plan->wake_ns == 0 || at_ns < plan->wake_ns) plan->wake_ns = at_ns;
}

static void wake_for_hosts(const struct exp_facts *f, struct exp_plan *plan)
{
    for (size_t i = 0; i < f->spec->n_hosts; i++) {
        const struct host_fact *h = &f->hosts[i];
        if (!h->out && alive(f, h)) wake_at(plan, last_sign(f, h) + f->spec->host_lost_ns);
    }
}

/* ---- entering a phase: what has to be sent to the hosts */

static void on_enter(const struct exp_facts *f, struct exp_plan *plan)
{
    bool had_load = f->spec->load.name != NULL;
    switch (plan->to) {
    case PHASE_DEPLOYING:
        plan->start_arms = true;
        break;
    case PHASE_WARMUP:
        plan->start_load = had_load;
        break;
    case PHASE_ANALYZING:
        plan->stop_load = had_load;
        break;
    case PHASE_PROMOTING:
        plan->keep_arm[ARM_CANDIDATE] = plan->stop_arm[ARM_BASELINE] = true;
        break;
    case PHASE_ROLLING_BACK:
        plan->cancel_tasks = true;
        plan->stop_load = had_load;
        plan->keep_arm[ARM_BASELINE] = plan->stop_arm[ARM_CANDIDATE] = true;
        break;
    case PHASE_STOPPING:
        plan->cancel_tasks = true;
        plan->stop_load = had_load;
        plan->stop_arm[ARM_BASELINE] = plan->stop_arm[ARM_CANDIDATE] = true;
        break;
    default:
        plan->release_hosts = !phase_is_live(plan->to);
    }
}

/* The one place where a phase changes. @p why may be NULL: the table's text. */
static int go(const struct exp_facts *f, enum input input, const char *why, struct exp_plan *plan,
              struct err *err)
{
    const char *text;
    if (!transition_find(f->phase, input, &plan->to, &text)) return transition_refuse(f->phase, input, err);
    if (plan->to == PHASE_ROLLING_BACK && f->spec->keeps_nothing) plan->to = PHASE_STOPPING;
    plan->input = input;
    plan->wake_ns = 0;
    snprintf(plan->why, sizeof plan->why, "%s", why ? why : text);
    plan->failed = f->failed || input == INPUT_BROKEN;
    on_enter(f, plan);
    return 0;
}

/* ---- hosts */

/* Why a host cannot go on in this phase; NULL: it can. @p ret_breach: it is the candidate's fault
 * while it is measured, which no number of other hosts makes good. */
static const char *host_trouble(const struct exp_facts *f, const struct host_fact *h, bool *ret_breach)
{
    *ret_breach = false;
    if (!alive(f, h)) return "not heard of for longer than host_lost_after";
    for (int a = 0; a < ARM_COUNT; a++) {
        const struct arm_fact *arm = &h->arm[a];
        if (arm->start != FACT_FAILED && arm->pipeline != PIPELINE_FAILED) continue;
        *ret_breach = a == ARM_CANDIDATE && arm->start == FACT_DONE;
        return arm->why ? arm->why : "the collector failed";
    }
    return NULL;
}

/* Take hosts in trouble out. True: a transition was decided (too few hosts, or a breach). */
static bool check_hosts(struct exp_facts *f, struct exp_plan *plan, int *ret_rc, struct err *err)
{
    char why[sizeof plan->why];
    for (size_t i = 0; i < f->spec->n_hosts; i++) {
        struct host_fact *h = &f->hosts[i];
        bool breach;
        const char *trouble = h->out ? NULL : host_trouble(f, h, &breach);
        if (!trouble) continue;
        snprintf(why, sizeof why, "host \"%s\": %s", h->host_id, trouble);
        if (breach && f->phase != PHASE_DEPLOYING) {
            *ret_rc = go(f, INPUT_BREACHED, why, plan, err);
            return true;
        }
        h->out = true;
        plan->n_out++;
        snprintf(plan->why, sizeof plan->why, "%s", why);
    }
    if (taking_part(f) >= f->spec->min_hosts) return false;
    snprintf(why, sizeof why, "%zu of %zu hosts are left, %zu are needed; %s", taking_part(f),
             f->spec->n_hosts, f->spec->min_hosts, plan->n_out ? plan->why : "the others went out before");
    *ret_rc = go(f, INPUT_BROKEN, why, plan, err);
    return true;
}

/* ---- the phases, one function each */

static int in_deploying(struct exp_facts *f, struct exp_plan *plan, struct err *err)
{
    int64_t deadline = f->phase_since_ns + f->spec->deploy_timeout_ns;
    size_t healthy = 0;
    char why[sizeof plan->why];
    const char *waiting = NULL;
    for (size_t i = 0; i < f->spec->n_hosts; i++) {
        const struct host_fact *h = &f->hosts[i];
        if (h->out) continue;
        bool up = h->arm[ARM_BASELINE].start == FACT_DONE && h->arm[ARM_CANDIDATE].start == FACT_DONE;
        healthy += up;
        if (!up && !waiting) waiting = h->host_id;
    }
    if (!waiting) return go(f, INPUT_HEALTHY, NULL, plan, err);
    if (f->now_ns < deadline) {
        wake_at(plan, deadline);
        return 0;
    }
    snprintf(why, sizeof why, "deploy_timeout passed with %zu of %zu hosts healthy; \"%s\" is not", healthy,
             f->spec->n_hosts, waiting);
    return go(f, INPUT_BROKEN, why, plan, err);
}

static int in_measured(struct exp_facts *f, struct exp_plan *plan, struct err *err)
{
    bool warm = f->phase == PHASE_RUNNING;
    int64_t over = f->phase_since_ns + (warm ? f->spec->duration_ns : f->spec->warmup_ns);
    if (f->look.breached) return go(f, INPUT_BREACHED, f->look.why, plan, err);
    if (f->now_ns >= over) return go(f, warm ? INPUT_OVER : INPUT_WARM, NULL, plan, err);
    if (warm && f->look.certain) return go(f, INPUT_OVER, f->look.why, plan, err);
    wake_at(plan, over);
    return 0;
}

/* A host is done when what this phase sent it has ended, or when it is lost: the tasks wait for it. */
static bool host_done(const struct exp_facts *f, const struct host_fact *h)
{
    if (!alive(f, h)) return true;
    for (int a = 0; a < ARM_COUNT; a++)
        if (h->arm[a].stop == FACT_OPEN || h->arm[a].keep == FACT_OPEN) return false;
    return h->load_stop != FACT_OPEN;
}

static int in_ending(struct exp_facts *f, struct exp_plan *plan, struct err *err)
{
    size_t lost = 0, failed = 0;
    const char *why_failed = "";
    for (size_t i = 0; i < f->spec->n_hosts; i++) {
        const struct host_fact *h = &f->hosts[i];
        if (!host_done(f, h)) {
            wake_for_hosts(f, plan);
            return 0;
        }
        lost += !alive(f, h) && !h->out;
        for (int a = 0; a < ARM_COUNT; a++)
            if (h->arm[a].stop == FACT_FAILED || h->arm[a].keep == FACT_FAILED) {
                failed++;
                why_failed = h->arm[a].why ? h->arm[a].why : "";
            }
    }
    enum input input = f->phase == PHASE_STOPPING && f->failed ? INPUT_GAVE_UP : INPUT_DONE;
    char why[sizeof plan->why] = "";
    if (failed) snprintf(why, sizeof why, "%zu tasks failed on the way: %s", failed, why_failed);
    else if (lost) snprintf(why, sizeof why, "%zu hosts did not answer; their tasks wait for them", lost);
    return go(f, input, *why ? why : NULL, plan, err);
}

static int in_phase(struct exp_facts *f, struct exp_plan *plan, struct err *err)
{
    switch (f->phase) {
    case PHASE_DEPLOYING:
        return in_deploying(f, plan, err);
    case PHASE_WARMUP:
    case PHASE_RUNNING:
        return in_measured(f, plan, err);
    case PHASE_ANALYZING:
        if (f->look.stored) return go(f, INPUT_ANALYZED, f->look.why, plan, err);
        wake_at(plan, f->phase_since_ns + ANALYZE_AFTER_NS);
        return 0;
    case PHASE_COMPLETED:
        if (f->now_ns >= f->phase_since_ns + f->spec->hold_ns) return go(f, INPUT_HELD, NULL, plan, err);
        wake_at(plan, f->phase_since_ns + f->spec->hold_ns);
        return 0;
    case PHASE_PROMOTING:
    case PHASE_ROLLING_BACK:
    case PHASE_STOPPING:
        return in_ending(f, plan, err);
    default:
        return 0;
    }
}

int experiment_step(struct exp_facts *f, struct exp_plan *plan, struct err *err)
{
    *plan = (struct exp_plan){ .to = f->phase, .failed = f->failed };
    if (f->command != INPUT_NONE) return go(f, f->command, NULL, plan, err);
    int rc = 0;
    bool needs_hosts = f->phase == PHASE_DEPLOYING || f->phase == PHASE_WARMUP || f->phase == PHASE_RUNNING;
    if (needs_hosts && check_hosts(f, plan, &rc, err)) return rc;
    rc = in_phase(f, plan, err);
    if (rc == 0 && plan->input == INPUT_NONE && needs_hosts) wake_for_hosts(f, plan);
    return rc;
}
