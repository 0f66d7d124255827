/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics and their labels. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/otlpgen/describe_priv.h"

enum { CHURNED_DIGITS = 12 }; /* a value of a label that churns is never used again */

/* ---- labels */

static unsigned digits_of(uint64_t n)
{
    unsigned digits = 1;
    for (; n >= 10; n /= 10) digits++;
    return digits;
}

static bool read_values(struct doc_faults *f, const struct doc_node *list, struct plan_label *l)
{
    uint64_t n = 0;
    for (const struct doc_node *node = list->child; node; node = node->next) n++;
    if (!n || n > PLAN_VALUES)
        return describe__fault(f, list, "a label lists 1 to %d values; more are made by count", PLAN_VALUES);
    l->values = calloc(n, sizeof *l->values);
    if (!l->values) return describe__fault(f, list, "out of memory");
    for (const struct doc_node *node = list->child; node; node = node->next) {
        char *value = describe__text(f, node);
        if (!value) return false;
        l->values[l->count++] = value;
        for (uint64_t i = 0; i + 1 < l->count; i++)
            if (!strcmp(l->values[i], value)) return describe__fault(f, node, "this value stands here twice");
    }
    return true;
}

static bool read_spread(struct doc_faults *f, const struct doc_node *map, struct plan_label *l)
{
    const struct doc_node *node = doc_get(map, "distribution");
    const char *word = node && node->kind == DOC_SCALAR ? node->text : "";
    double exponent = 1;
    bool is_zipf = !strcmp(word, "zipf");
    if (node && !is_zipf && strcmp(word, "uniform"))
        return describe__fault(f, node, "distribution: uniform or zipf is wanted");
    if (doc_get(map, "exponent") && !is_zipf)
        return describe__fault(f, doc_get(map, "exponent"), "exponent: only zipf has one");
    if (!describe__number(f, map, "exponent", 0.1, 5, &exponent)) return false;
    if (is_zipf) l->zipf = zipf_make(l->count, exponent);
    if (node && l->role == LABEL_SPANS) l->role = LABEL_DRAWN;
    return true;
}

static bool read_depends(struct doc_faults *f, const struct doc_node *map, const struct plan_metric *m,
                         struct plan_label *l)
{
    const struct doc_node *node = doc_get(map, "depends_on");
    if (!node) return true;
    l->role = LABEL_DEPENDS;
    for (l->of = 0; l->of + 1 < m->n_labels; l->of++)
        if (node->kind == DOC_SCALAR && !strcmp(m->labels[l->of].key, node->text)) return true;
    return describe__fault(f, node, "depends_on: a label that stands before this one is wanted");
}

static bool read_made(struct doc_faults *f, const struct doc_node *map, const struct plan_metric *m,
                      struct plan_label *l)
{
    static const char *const known[] = { "count",    "prefix",     "values", "distribution",
                                         "exponent", "depends_on", NULL };
    const struct doc_node *values = doc_get(map, "values"), *prefix = doc_get(map, "prefix");
    if (!describe__members(f, map, known)) return false;
    if (!values == !doc_get(map, "count"))
        return describe__fault(f, map, "a label has either values (a list) or count (how many are made)");
    if (values && prefix) return describe__fault(f, prefix, "prefix: only with count");
    if (values && values->kind != DOC_LIST) return describe__fault(f, values, "values: a list is wanted");
    if (values ? !read_values(f, values, l)
               : !describe__count(f, map, "count", 1, PLAN_COUNT_MAX, &l->count))
        return false;
    if (!values) {
        l->prefix = prefix ? describe__text(f, prefix) : strdup("");
        l->digits = digits_of(l->count - 1);
        if (!l->prefix) return false;
    }
    return read_depends(f, map, m, l) && read_spread(f, map, l);
}

/* One value, a list of values, or a map that says how they are made. */
static bool read_label(struct doc_faults *f, const struct doc_node *node, struct plan_metric *m)
{
    if (m->n_labels == PLAN_LABELS)
        return describe__fault(f, node, "a metric has more than %d labels", PLAN_LABELS);
    if (!node->key[0] || strlen(node->key) > PLAN_NAME_BYTES)
        return describe__fault(f, node, "the name of a label has 1 to %d bytes", PLAN_NAME_BYTES);
    struct plan_label *l = &m->labels[m->n_labels++];
    l->key = strdup(node->key);
    if (!l->key) return describe__fault(f, node, "out of memory");
    if (node->kind == DOC_MAP) return read_made(f, node, m, l);
    if (node->kind == DOC_LIST) return read_values(f, node, l);
    l->values = calloc(1, sizeof *l->values);
    char *value = l->values ? describe__text(f, node) : NULL;
    if (value) l->values[l->count++] = value;
    return value != NULL;
}

static bool read_labels(struct doc_faults *f, const struct doc_node *metric, struct plan_metric *m)
{
    const struct doc_node *labels = doc_get(metric, "labels");
    m->series = 1;
    if (labels && labels->kind != DOC_MAP) return describe__fault(f, labels, "labels: a map is wanted");
    for (const struct doc_node *node = labels ? labels->child : NULL; node; node = node->next) {
        if (!read_label(f, node, m)) return false;
        const struct plan_label *l = &m->labels[m->n_labels - 1];
        if (l->role != LABEL_SPANS) continue;
        if (m->series > PLAN_SERIES_MAX / l->count)
            return describe__fault(f, node, "with this label the metric has more than %llu series",
                                   (unsigned long long)PLAN_SERIES_MAX);
        m->series *= l->count;
    }
    return true;
}

/* ---- metrics */

static bool read_churn(struct doc_faults *f, const struct doc_node *metric, struct plan_metric *m)
{
    m->churned = -1;
    if (!describe__number(f, metric, "churn", 0, 1e7, &m->churn)) return false;
    if (m->churn <= 0) return true;
    for (unsigned i = 0; i < m->n_labels && m->churned < 0; i++)
        if (m->labels[i].role == LABEL_SPANS && !m->labels[i].values) m->churned = (int)i;
    if (m->churned < 0)
        return describe__fault(f, doc_get(metric, "churn"),
                               "churn: a label with count and no distribution is wanted: its values change");
    m->labels[m->churned].digits = CHURNED_DIGITS;
    return true;
}

static bool read_bounds(struct doc_faults *f, const struct doc_node *metric, struct plan_metric *m)
{
    static const double usual[] = { 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10 };
    const struct doc_node *list = doc_get(metric, "bounds");
    if (!list) {
        m->n_bounds = sizeof usual / sizeof usual[0];
        memcpy(m->bounds, usual, sizeof usual);
    } else if (list->kind != DOC_LIST) return describe__fault(f, list, "bounds: a list of numbers is wanted");
    for (const struct doc_node *node = list ? list->child : NULL; node; node = node->next) {
        if (m->n_bounds == PLAN_BOUNDS)
            return describe__fault(f, node, "a histogram has more than %d bounds", PLAN_BOUNDS);
        double *bound = &m->bounds[m->n_bounds];
        if (!doc_real(node, bound) || fabs(*bound) > 1e15 || (m->n_bounds && *bound <= bound[-1]))
            return describe__fault(f, node, "bounds: numbers that grow are wanted");
        m->n_bounds++;
    }
    return true;
}

/* A bell over the buckets, a little left of their middle, as latencies are. */
static void weigh_buckets(struct plan_metric *m)
{
    double sum = 0, middle = 0.4 * m->n_bounds, width = 1 + m->n_bounds / 5.0;
    for (unsigned i = 0; i <= m->n_bounds; i++) {
        double x = ((double)i - middle) / width;
        m->weights[i] = exp(-x * x);
        sum += m->weights[i];
    }
    for (unsigned i = 0; i <= m->n_bounds; i++) m->weights[i] /= sum;
}

static bool read_kind(struct doc_faults *f, const struct doc_node *metric, struct plan_metric *m)
{
    static const char *const kinds[] = { "gauge", "sum", "histogram" };
    const struct doc_node *node = doc_get(metric, "type");
    unsigned i = 0;
    while (i < 3 && (!node || node->kind != DOC_SCALAR || strcmp(node->text, kinds[i]))) i++;
    if (i == 3) return describe__fault(f, node ? node : metric, "type: gauge, sum or histogram is wanted");
    m->kind = (enum metric_kind)i;
    m->most = 100;
    m->per_second = 10;
    static const struct {
        const char *key;
        unsigned kinds;
    } only[] = { { "min", 1 << METRIC_GAUGE },
                 { "max", 1 << METRIC_GAUGE },
                 { "bounds", 1 << METRIC_HISTOGRAM },
                 { "per_second", 1 << METRIC_SUM | 1 << METRIC_HISTOGRAM } };
    for (i = 0; i < sizeof only / sizeof only[0]; i++)
        if (doc_get(metric, only[i].key) && !(only[i].kinds & 1 << m->kind))
            return describe__fault(f, doc_get(metric, only[i].key), "%s: a %s has none", only[i].key,
                                   kinds[m->kind]);
    if (!describe__number(f, metric, "min", -1e15, 1e15, &m->least) ||
        !describe__number(f, metric, "max", -1e15, 1e15, &m->most) ||
        !describe__number(f, metric, "per_second", 0, 1e9, &m->per_second))
        return false;
    if (m->least > m->most) return describe__fault(f, metric, "min is above max");
    if (m->kind == METRIC_HISTOGRAM && !read_bounds(f, metric, m)) return false;
    weigh_buckets(m);
    return true;
}

static bool read_metric(struct doc_faults *f, const struct doc_node *node, struct plan_metric *m)
{
    static const char *const known[] = { "name", "type", "unit", "labels", "churn",
                                         "min",  "max",  "per_second", "bounds", NULL };
    const struct doc_node *name = doc_get(node, "name"), *unit = doc_get(node, "unit");
    if (!describe__members(f, node, known)) return false;
    if (!name || name->kind != DOC_SCALAR || !name->text[0])
        return describe__fault(f, name ? name : node, "a metric has a name");
    m->name = describe__text(f, name);
    if (!m->name) return false;
    m->unit = unit ? describe__text(f, unit) : strdup("1");
    return m->unit && read_kind(f, node, m) && read_labels(f, node, m) && read_churn(f, node, m);
}

bool describe__metrics(struct doc_faults *f, const struct doc_node *root, struct plan *p)
{
    const struct doc_node *list = doc_get(root, "metrics");
    if (!list || list->kind != DOC_LIST || !list->child)
        return describe__fault(f, list ? list : root, "metrics: a list of one metric or more is wanted");
    p->metrics = calloc(PLAN_METRICS, sizeof *p->metrics);
    if (!p->metrics) return describe__fault(f, list, "out of memory");
    for (const struct doc_node *node = list->child; node; node = node->next) {
        if (p->n_metrics == PLAN_METRICS)
            return describe__fault(f, node, "there are more than %d metrics", PLAN_METRICS);
        struct plan_metric *m = &p->metrics[p->n_metrics++];
        if (!read_metric(f, node, m)) return false;
        for (struct plan_metric *before = p->metrics; before < m; before++)
            if (!strcmp(before->name, m->name))
                return describe__fault(f, node, "there are two metrics \"%.64s\"", m->name);
        p->series += m->series;
        if (p->series > PLAN_SERIES_MAX)
            return describe__fault(f, node, "there are more than %llu series in all",
                                   (unsigned long long)PLAN_SERIES_MAX);
    }
    return true;
}
