/* SPDX-License-Identifier: Apache-2.0 */
/* What series are made of, as a document: every number for both arms side by side, with its error. */
#include <math.h>
#include "core/experiment/census_priv.h"

/** A count. low < 0: nothing is known of it. */
struct figure {
    int64_t low;
    double error; /* 0: exact; NAN: unknown, the count is a lower bound */
};
static const struct figure unknown = { .low = -1 };

/** @p above: how many more series may be of what the entry stands below, on hosts that did not tell that. */
static struct figure of_series(const struct list *l, const struct entry *e, int arm, int64_t above)
{
    int64_t low = e->arm[arm].series, most = tally__most(l, e, arm) + above;
    if (low == 0 && most > 0)
        return unknown; /* no host told it, and it may be there all the same */
    return (struct figure){ low, low > 0 ? (double)(most - low) / (double)low : 0 };
}

static struct figure of_sketch(const struct sketch *s, bool is_whole)
{
    return (struct figure){ (int64_t)sketch_count(s), is_whole ? sketch_error(s) : NAN };
}

static void write_figure(struct figure f, struct jw *w)
{
    jw_open(w, '{');
    jw_key(w, "value");
    if (f.low < 0)
        jw_null(w);
    else
        jw_int(w, f.low);
    jw_kbool(w, "exact", f.low >= 0 && f.error == 0);
    jw_kreal(w, "relative_error", f.low < 0 ? NAN : f.error);
    jw_close(w, '}');
}

static const int64_t nothing_above[ARM_COUNT];

static void write_pair(struct jw *w, const char *key, const struct census_view *view,
                       const struct figure f[ARM_COUNT])
{
    const struct figure *b = &f[ARM_BASELINE], *c = &f[ARM_CANDIDATE];
    bool has_both = view->has_arm[ARM_BASELINE] && view->has_arm[ARM_CANDIDATE];
    bool has_change = has_both && b->low > 0 && c->low >= 0;
    jw_key(w, key);
    jw_open(w, '{');
    for (int a = 0; a < ARM_COUNT; a++) {
        jw_key(w, arm_name((enum arm)a));
        if (view->has_arm[a])
            write_figure(f[a], w);
        else
            jw_null(w);
    }
    jw_kreal(w, "change", has_change ? (double)c->low / (double)b->low - 1 : NAN);
    jw_close(w, '}');
}

static void write_series(struct jw *w, const struct census_view *view, const struct list *l,
                         const struct entry *e, const int64_t above[ARM_COUNT])
{
    const struct figure f[ARM_COUNT] = { of_series(l, e, 0, above[0]), of_series(l, e, 1, above[1]) };
    write_pair(w, "series", view, f);
}

/* ---- metrics */

static int by_deep_values(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    uint64_t n[2] = { 0, 0 };
    for (int arm = 0; arm < ARM_COUNT; arm++) {
        uint64_t of_x = sketch_count(&x->arm[arm].values), of_y = sketch_count(&y->arm[arm].values);
        n[0] = of_x > n[0] ? of_x : n[0];
        n[1] = of_y > n[1] ? of_y : n[1];
    }
    return n[0] != n[1] ? (n[0] < n[1] ? 1 : -1) : strcmp(x->name, y->name);
}

/** Whole where every host that has the metric told this label of it. */
static void write_deep(const struct census_sum *s, const struct census_view *view, const struct entry *metric,
                       struct jw *w)
{
    size_t n = 0;
    struct entry **labels = metric->below ? list__sorted(s->arena, metric->below, by_deep_values, &n) : NULL;
    jw_key(w, "labels");
    jw_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        struct figure f[ARM_COUNT];
        for (int a = 0; a < ARM_COUNT; a++) {
            const struct tally *t = &labels[i]->arm[a], *of = &metric->arm[a];
            bool is_whole = t->told == of->told && tally__is_whole(&s->metrics, metric, a);
            f[a] = t->told == 0 && !is_whole ? unknown : of_sketch(&t->values, is_whole);
        }
        jw_open(w, '{');
        jw_kstr(w, "name", labels[i]->name);
        write_pair(w, "values", view, f);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void write_share(const struct census_sum *s, const struct census_view *view, const struct entry *e,
                        struct jw *w)
{
    jw_key(w, "share");
    jw_open(w, '{');
    for (int a = 0; a < ARM_COUNT; a++) {
        bool is_known = view->has_arm[a] && s->arm[a].series > 0 && of_series(&s->metrics, e, a, 0).low >= 0;
        double share = (double)e->arm[a].series / (double)(s->arm[a].series > 0 ? s->arm[a].series : 1);
        jw_kreal(w, arm_name((enum arm)a), is_known ? share : NAN);
    }
    jw_close(w, '}');
}

static void write_metrics(const struct census_sum *s, const struct census_view *view, struct jw *w)
{
    size_t n;
    unsigned shown = 0;
    struct entry **metrics = list__sorted(s->arena, &s->metrics, entry__by_series, &n);
    jw_key(w, "metrics");
    jw_open(w, '[');
    for (size_t i = 0; i < n && shown < view->limit; i++) {
        if (view->metric && strcmp(view->metric, metrics[i]->name) != 0)
            continue;
        shown++;
        jw_open(w, '{');
        jw_kstr(w, "name", metrics[i]->name);
        write_series(w, view, &s->metrics, metrics[i], nothing_above);
        write_share(s, view, metrics[i], w);
        write_deep(s, view, metrics[i], w);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

/* ---- labels */

static void write_values(const struct census_sum *s, const struct census_view *view,
                         const struct entry *label, struct jw *w)
{
    enum { SHOWN = 10 };
    size_t n = 0;
    const struct list *l = label->below;
    int64_t untold[ARM_COUNT];
    for (int a = 0; a < ARM_COUNT; a++)
        untold[a] = tally__most(&s->labels, label, a) - label->arm[a].series;
    struct entry **values = l ? list__sorted(s->arena, l, entry__by_series, &n) : NULL;
    jw_key(w, "by_value");
    jw_open(w, '[');
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        jw_open(w, '{');
        jw_kstr(w, "value", values[i]->name);
        write_series(w, view, l, values[i], untold);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void write_labels(const struct census_sum *s, const struct census_view *view, struct jw *w)
{
    size_t n;
    struct entry **labels = list__sorted(s->arena, &s->labels, by_deep_values, &n);
    jw_key(w, "labels");
    jw_open(w, '[');
    for (size_t i = 0; i < n && i < view->limit; i++) {
        struct figure f[ARM_COUNT];
        for (int a = 0; a < ARM_COUNT; a++) {
            bool is_whole = tally__is_whole(&s->labels, labels[i], a);
            bool is_known = is_whole || labels[i]->arm[a].told > 0;
            f[a] = is_known ? of_sketch(&labels[i]->arm[a].values, is_whole) : unknown;
        }
        jw_open(w, '{');
        jw_kstr(w, "name", labels[i]->name);
        write_pair(w, "values", view, f);
        write_series(w, view, &s->labels, labels[i], nothing_above);
        write_values(s, view, labels[i], w);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

void census_sum_times(const struct census_sum *s, struct jw *w)
{
    jw_ktime(w, "measured_from", s->oldest_ns);
    jw_ktime(w, "measured_to", s->newest_ns);
}

void census_write_series(const struct census_sum *s, const struct census_view *view, struct jw *w)
{
    const struct arm_sum *b = &s->arm[ARM_BASELINE], *c = &s->arm[ARM_CANDIDATE];
    const struct figure series[ARM_COUNT] = { { .low = b->series }, { .low = c->series } };
    const struct figure names[ARM_COUNT] = { of_sketch(&b->names, true), of_sketch(&c->names, true) };
    write_pair(w, "series", view, series);
    write_pair(w, "metric_names", view, names);
    write_metrics(s, view, w);
    write_labels(s, view, w);
}
