/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/report.h"
#include <math.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/mem.h"

enum { FIGURES_MAX = 600 };

/* ---- making the list */

static struct figure *add(struct figures *f, const char *group, const char *name, double value)
{
    struct figure *x = &f->all[f->n++];
    if (f->n > FIGURES_MAX)
        abort();
    *x = (struct figure){ .group = group, .value = value, .is_known = true };
    str_copy(x->name, sizeof x->name, str_of(name));
    return x;
}

static void add_time(struct figures *f, const char *group, const char *name, int64_t ns, bool is_known)
{
    struct figure *x = add(f, group, name, (double)ns);
    x->is_time = true;
    x->is_known = is_known;
}

static void add_hist(struct figures *f, const char *group, const struct hist *h, const char *meaning)
{
    static const struct {
        const char *name;
        double q;
    } quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 }, { "max", 1 } };
    add(f, group, "count", (double)h->n)->meaning = meaning;
    for (unsigned i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++)
        add_time(f, group, quantiles[i].name, hist_quantile(h, quantiles[i].q), h->n > 0);
}

static void add_outcomes(struct figures *f, const char *group, const uint64_t n[OUTCOME_COUNT])
{
    uint64_t errors = 0, all_5xx = n[OUTCOME_5XX] + n[OUTCOME_503];
    for (unsigned o = 0; o < OUTCOME_STALE; o++) {
        add(f, group, outcome_names[o], (double)(o == OUTCOME_5XX ? all_5xx : n[o]));
        errors += o == OUTCOME_2XX || o == OUTCOME_409 ? 0 : n[o];
    }
    add(f, group, "errors", (double)errors)->meaning = "all of these but 2xx and 409";
}

static void add_counts(struct figures *f, const struct tally *t)
{
#define X(name, text) add(f, NULL, #name, (double)t->count.name)->meaning = text;
    TALLY_COUNTS(X)
#undef X
    uint64_t sent = t->count.enqueued + t->count.rejected + t->count.unknown;
    add(f, NULL, "unsent", (double)(t->count.due - sent))->meaning =
        "tasks whose enqueue was due, and that no operator had come to send when all was over";
}

static void add_targets(struct figures *f, const struct options *o, const struct tally *t)
{
    static char groups[TARGETS_MAX][16];
    for (unsigned i = 0; i < o->url.n; i++) {
        snprintf(groups[i], sizeof groups[i], "url%u", i + 1);
        add_outcomes(f, groups[i], t->target_answers[i]);
        static const struct {
            const char *name;
            double q;
        } shown[] = { { "p50", 0.5 }, { "p99", 0.99 } };
        for (unsigned k = 0; k < 2; k++) {
            char name[24];
            snprintf(name, sizeof name, "dispatch_%s", shown[k].name);
            add_time(f, groups[i], name, hist_quantile(&t->target_dispatch[i], shown[k].q),
                     t->target_dispatch[i].n > 0);
            snprintf(name, sizeof name, "heartbeat_%s", shown[k].name);
            add_time(f, groups[i], name, hist_quantile(&t->target_heartbeat[i], shown[k].q),
                     t->target_heartbeat[i].n > 0);
        }
    }
}

static void add_process(struct figures *f, const char *group, const struct process *p, const struct run *r)
{
    double seconds = (double)r->measured_ns / 1e9, requests = r->requests ? (double)r->requests : NAN;
    bool is_known = r->measured_ns > 0;
    add_time(f, group, "cpu", p->cpu_ns, is_known);
    add(f, group, "cpu_percent", is_known ? (double)p->cpu_ns / 1e7 / seconds : 0)->is_known = is_known;
    add_time(f, group, "cpu_per_request", r->requests ? (int64_t)((double)p->cpu_ns / requests) : 0,
             r->requests > 0);
    add(f, group, "rss_bytes", (double)p->rss_bytes);
    if (p->pid)
        add(f, group, "grown_per_agent_bytes", (double)p->grown_bytes / (double)r->tally.agents)->is_known =
            r->tally.agents > 0;
    else
        add(f, group, "rss_per_agent_bytes", (double)p->rss_bytes / (double)r->tally.agents)->is_known =
            r->tally.agents > 0;
}

void figures_make(struct figures *f, const struct options *o, const struct run *r)
{
    static char processes[OPTION_LIST_MAX][16];
    const struct tally *t = &r->tally;
    uint64_t outcomes[OUTCOME_COUNT];
    *f = (struct figures){ .all = mem_calloc(FIGURES_MAX, sizeof *f->all) };
    add(f, NULL, "agents", (double)t->agents)->meaning = "agents that are neither broken nor slow";
    add(f, NULL, "parked", (double)t->parked)->meaning = "agents whose long poll was out at the end";
    add_time(f, NULL, "join", t->join_ns, t->join_ns > 0);
    add_time(f, NULL, "restart", t->restart_ns, t->restart_ns > 0);
    add_time(f, NULL, "measured", r->measured_ns, true);
    add(f, NULL, "requests_per_second", (double)r->requests * 1e9 / (double)r->measured_ns)->is_known =
        r->measured_ns > 0;
    add_counts(f, t);
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        outcomes[i] = tally_outcomes(t, (enum outcome)i);
    add_outcomes(f, NULL, outcomes);
#define X(name, meaning) add_hist(f, #name, &t->times[TIME_##name], meaning);
    TALLY_TIMES(X)
#undef X
    for (unsigned k = 0; k < KIND_COUNT; k++)
        add(f, "answers", kind_names[k], (double)tally_kind(t, (enum kind)k));
    for (unsigned k = 0; k < KIND_COUNT; k++)
        add(f, "not_2xx", kind_names[k], (double)(tally_kind(t, (enum kind)k) - t->answers[k][OUTCOME_2XX]));
    add_targets(f, o, t);
    add_process(f, "swarm", &r->swarm, r);
    for (unsigned i = 0; i < r->n_watched; i++) {
        snprintf(processes[i], sizeof processes[i], "pid%u", i + 1);
        add_process(f, processes[i], &r->watched[i], r);
    }
}

void figures_done(struct figures *f)
{
    free(f->all);
}

/* ---- the table */

static const char *show_time(const struct figure *x, char out[32])
{
    double ms = x->value / 1e6;
    if (!x->is_known)
        return "-";
    if (ms >= 10000)
        snprintf(out, 32, "%.1f s", ms / 1e3);
    else
        snprintf(out, 32, "%.*f ms", ms < 1 ? 3 : ms < 100 ? 2 : 0, ms);
    return out;
}

static bool is_hist(const struct figures *f, size_t i)
{
    return f->all[i].group && strcmp(f->all[i].name, "count") == 0;
}

static void print_times(const struct figures *f, FILE *to)
{
    char text[32];
    fprintf(to, "\n%-10s %9s %10s %10s %10s %10s %10s\n", "time", "count", "p50", "p90", "p99",
            "p99.9", "max");
    for (size_t i = 0; i < f->n; i++) {
        if (!is_hist(f, i) || f->all[i].value == 0)
            continue;
        fprintf(to, "%-10s %9.0f", f->all[i].group, f->all[i].value);
        for (size_t k = 1; k <= 5; k++)
            fprintf(to, " %10s", show_time(&f->all[i + k], text));
        fprintf(to, "  %s\n", f->all[i].meaning);
    }
}

static void print_one(const struct figure *x, FILE *to)
{
    char text[32], name[64];
    if (x->is_time)
        show_time(x, text);
    else
        snprintf(text, sizeof text, x->value == floor(x->value) ? "%.0f" : "%.1f", x->value);
    fprintf(to, "%-26s %14s%s%s\n", figure_name(x, name), x->is_known ? text : "-", x->meaning ? "  " : "",
            x->meaning ? x->meaning : "");
}

static bool is_of_hist(const struct figures *f, size_t i)
{
    for (size_t k = 0; k <= 5 && k <= i && f->all[i].group; k++)
        if (f->all[i - k].group == f->all[i].group && is_hist(f, i - k))
            return true;
    return false;
}

void report_table(const struct figures *f, const struct options *o, FILE *to)
{
    for (unsigned i = 0; i < o->url.n; i++)
        fprintf(to, "url%u%23s%s\n", i + 1, "", o->url.item[i]);
    for (size_t i = 0; i < f->n; i++) {
        const struct figure *x = &f->all[i];
        bool is_vital = strcmp(x->name, "lost") == 0 || strcmp(x->name, "twice") == 0 ||
                        strcmp(x->name, "errors") == 0 || strcmp(x->name, "parked") == 0;
        if (!is_of_hist(f, i) && ((x->value != 0 && x->is_known) || (is_vital && !x->group)))
            print_one(x, to);
    }
    print_times(f, to);
}

/* ---- JSON */

static void write_figure(struct jw *w, const struct figure *x)
{
    char key[32];
    snprintf(key, sizeof key, "%s%s", x->name, x->is_time ? "_ms" : "");
    jw_key(w, key);
    if (!x->is_known)
        jw_null(w);
    else if (!x->is_time && x->value == floor(x->value) && fabs(x->value) < 9e15)
        jw_int(w, (int64_t)x->value);
    else
        jw_real(w, x->is_time ? x->value / 1e6 : x->value);
}

void report_json(const struct figures *f, const struct options *o, struct buf *out)
{
    struct jw w;
    const char *group = NULL;
    jw_init(&w, out);
    jw_open(&w, '{');
    jw_key(&w, "urls");
    jw_open(&w, '[');
    for (unsigned i = 0; i < o->url.n; i++)
        jw_strz(&w, o->url.item[i]);
    jw_close(&w, ']');
    for (size_t i = 0; i < f->n; i++) {
        const struct figure *x = &f->all[i];
        if (group && group != x->group)
            jw_close(&w, '}');
        if (x->group && group != x->group) {
            jw_key(&w, x->group);
            jw_open(&w, '{');
        }
        group = x->group;
        write_figure(&w, x);
    }
    if (group)
        jw_close(&w, '}');
    jw_close(&w, '}');
    buf_addc(out, '\n');
}
