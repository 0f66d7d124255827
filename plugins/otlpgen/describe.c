/* SPDX-License-Identifier: Apache-2.0 */
/* The document as a whole, its phases and its resource; describe_metric.c has the metrics. */
#include "plugins/otlpgen/describe.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/otlpgen/describe_priv.h"

static const double LEAST_PHASE_S = 0.1, MOST_PHASE_S = 86400;

/* ---- values */

bool describe__fault(struct doc_faults *f, const struct doc_node *at, const char *fmt, ...)
{
    char text[240];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    doc_fault(f, at ? at->line : 1, at ? at->column : 1, "%s", text);
    return false;
}

bool describe__members(struct doc_faults *f, const struct doc_node *map, const char *const *known)
{
    if (!map || map->kind != DOC_MAP) return describe__fault(f, map, "a map is wanted here");
    for (const struct doc_node *node = map->child; node; node = node->next) {
        unsigned i = 0;
        while (known[i] && strcmp(known[i], node->key)) i++;
        if (known[i]) continue;
        char there[160] = "";
        for (i = 0; known[i] && strlen(there) + strlen(known[i]) + 3 < sizeof there; i++) {
            if (i) strncat(there, ", ", sizeof there - strlen(there) - 1);
            strncat(there, known[i], sizeof there - strlen(there) - 1);
        }
        return describe__fault(f, node, "\"%.32s\" is not known here; there are: %s", node->key, there);
    }
    return true;
}

bool describe__number(struct doc_faults *f, const struct doc_node *map, const char *key, double least,
                      double most, double *ret)
{
    const struct doc_node *node = doc_get(map, key);
    double value;
    if (!node) return true;
    if (!doc_real(node, &value) || value < least || value > most)
        return describe__fault(f, node, "%s: a number from %.15g to %.15g is wanted", key, least, most);
    *ret = value;
    return true;
}

bool describe__count(struct doc_faults *f, const struct doc_node *map, const char *key, uint64_t least,
                     uint64_t most, uint64_t *ret)
{
    const struct doc_node *node = doc_get(map, key);
    uint64_t value;
    if (!node) return true;
    if (!doc_uint(node, &value) || value < least || value > most)
        return describe__fault(f, node, "%s: a whole number from %llu to %llu is wanted", key,
                               (unsigned long long)least, (unsigned long long)most);
    *ret = value;
    return true;
}

/* libyaml has seen to UTF-8. */
char *describe__text(struct doc_faults *f, const struct doc_node *at)
{
    const char *fault = NULL;
    if (!at || at->kind != DOC_SCALAR || doc_is_null(at)) fault = "a text is wanted here";
    else if (strlen(at->text) > PLAN_NAME_BYTES) fault = "this text is longer than 128 bytes";
    else
        for (const char *c = at->text; *c; c++)
            if ((unsigned char)*c < ' ' || *c == 127) fault = "this text has a control character";
    char *copy = fault ? NULL : strdup(at->text);
    if (!copy) describe__fault(f, at, "%s", fault ? fault : "out of memory");
    return copy;
}

/* "90s", "1.5m", or a number of seconds. */
static bool read_seconds(struct doc_faults *f, const struct doc_node *phase, double *ret)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = { { "", 1 }, { "ms", 1e-3 }, { "s", 1 }, { "m", 60 }, { "h", 3600 } };
    const struct doc_node *node = doc_get(phase, "duration");
    if (!node) return describe__fault(f, phase, "a phase has a duration, such as 30s");
    /* strtod() would also take signs, exponents and hexadecimal numbers */
    size_t n = node->kind == DOC_SCALAR ? strspn(node->text, "0123456789.") : 0;
    char *end = NULL;
    double value = n && n < 16 ? strtod(node->text, &end) : 0;
    for (unsigned i = 0; end == node->text + n && i < sizeof units / sizeof units[0]; i++) {
        double seconds = value * units[i].seconds;
        if (strcmp(end, units[i].unit) || seconds < LEAST_PHASE_S || seconds > MOST_PHASE_S) continue;
        *ret = seconds;
        return true;
    }
    return describe__fault(f, node, "duration: a time from 100ms to 24h is wanted, such as 30s or 5m");
}

/* ---- phases */

static bool read_phase(struct doc_faults *f, const struct doc_node *node, struct plan_phase *ret)
{
    static const char *const known[] = { "duration", "rate", NULL }, *const ramp[] = { "from", "to", NULL };
    if (!describe__members(f, node, known) || !read_seconds(f, node, &ret->seconds)) return false;
    const struct doc_node *rate = doc_get(node, "rate");
    if (!rate) return describe__fault(f, node, "a phase has a rate, in points a second");
    if (rate->kind == DOC_MAP) {
        if (!doc_get(rate, "from") || !doc_get(rate, "to"))
            return describe__fault(f, rate, "a ramp goes from one rate to another: {from: 0, to: 1000}");
        return describe__members(f, rate, ramp) &&
               describe__number(f, rate, "from", 0, PLAN_RATE_MAX, &ret->from) &&
               describe__number(f, rate, "to", 0, PLAN_RATE_MAX, &ret->to);
    }
    if (!describe__number(f, node, "rate", 0, PLAN_RATE_MAX, &ret->from)) return false;
    ret->to = ret->from;
    return true;
}

static bool read_phases(struct doc_faults *f, const struct doc_node *root, struct plan *p)
{
    const struct doc_node *list = doc_get(root, "phases"), *repeat = doc_get(root, "repeat");
    p->repeats = true;
    if (repeat && !doc_bool(repeat, &p->repeats))
        return describe__fault(f, repeat, "repeat: true or false is wanted");
    if (!list || list->kind != DOC_LIST || !list->child)
        return describe__fault(f, list ? list : root, "phases: a list of one phase or more is wanted");
    for (const struct doc_node *node = list->child; node; node = node->next) {
        if (p->n_phases == PLAN_PHASES)
            return describe__fault(f, node, "there are more than %d phases", PLAN_PHASES);
        if (!read_phase(f, node, &p->phases[p->n_phases++])) return false;
    }
    return true;
}

/* ---- the document */

static bool read_resource(struct doc_faults *f, const struct doc_node *map, struct plan *p)
{
    if (!map) return true;
    if (map->kind != DOC_MAP) return describe__fault(f, map, "resource: a map of attributes is wanted");
    for (const struct doc_node *node = map->child; node; node = node->next) {
        if (p->n_resource == PLAN_LABELS)
            return describe__fault(f, node, "the resource has more than %d attributes", PLAN_LABELS);
        if (!node->key[0] || strlen(node->key) > PLAN_NAME_BYTES)
            return describe__fault(f, node, "the name of an attribute has 1 to %d bytes", PLAN_NAME_BYTES);
        char **pair = p->resource[p->n_resource++];
        pair[0] = strdup(node->key);
        pair[1] = describe__text(f, node);
        if (!pair[0] || !pair[1]) return false;
    }
    return true;
}

static bool read_plan(struct doc_faults *f, const struct doc_node *root, struct plan *p)
{
    static const char *const known[] = { "phases", "repeat", "resource", "metrics", NULL };
    return describe__members(f, root, known) && read_phases(f, root, p) &&
           read_resource(f, doc_get(root, "resource"), p) && describe__metrics(f, root, p);
}

bool describe(const char *text, size_t n, struct plan *ret, struct doc_faults *faults)
{
    struct doc doc;
    *ret = (struct plan){ 0 };
    if (n > PLAN_TEXT_BYTES)
        return describe__fault(faults, NULL, "the description is longer than %d bytes", PLAN_TEXT_BYTES);
    if (!doc_parse(&doc, text, n, faults)) return false;
    bool ok = read_plan(faults, doc.root, ret);
    doc_done(&doc);
    if (!ok) plan_done(ret);
    return ok;
}

static void metric_done(struct plan_metric *m)
{
    for (unsigned i = 0; i < m->n_labels; i++) {
        struct plan_label *l = &m->labels[i];
        for (uint64_t k = 0; l->values && k < l->count; k++) free(l->values[k]);
        free(l->values);
        free(l->prefix);
        free(l->key);
    }
    free(m->name);
    free(m->unit);
}

void plan_done(struct plan *p)
{
    for (unsigned i = 0; i < p->n_metrics; i++) metric_done(&p->metrics[i]);
    for (unsigned i = 0; i < p->n_resource; i++) {
        free(p->resource[i][0]);
        free(p->resource[i][1]);
    }
    free(p->metrics);
    *p = (struct plan){ 0 };
}
