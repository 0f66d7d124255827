/* SPDX-License-Identifier: Apache-2.0 */
/* A list of a host says: these names have so many series ("slack" more at most), and what is not here has
 * "rest" at most. Summed over hosts, a name has at least the series that were told, and at most these and
 * the slack of the hosts that told it and the rest of those that did not. */
#include <stdio.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/experiment/census_priv.h"

/* About 16 MB when all are reached. */
enum { METRICS_MAX = 5000, LABELS_MAX = 256, VALUES_MAX = 100, SKETCHES_MAX = 2000 };

int64_t tally__most(const struct list *l, const struct entry *e, int arm)
{
    int64_t missing = l->rest[arm] - e->arm[arm].bounded;
    return e->arm[arm].series + (missing > 0 ? missing : 0);
}

bool tally__is_whole(const struct list *l, const struct entry *e, int arm)
{
    return e->arm[arm].told_partial == l->partial[arm];
}

/* ---- checking */

static void check_sketch(const struct json *j, unsigned p, const char *at, struct faults *faults)
{
    struct sketch s;
    if (sketch_read(&s, p, json_text(j)))
        sketch_done(&s);
    else
        fault_add(faults, at, "must be a sketch of precision %u", p);
}

bool census_check(const struct json *census, const char *at, struct faults *faults)
{
    const struct json *metrics = json_get(census, "metrics"), *labels = json_get(census, "labels");
    char pointer[128];
    enum arm arm;
    unsigned n = faults->n;
    if (!arm_parse(json_get_str(census, "variant", ""), &arm)) {
        snprintf(pointer, sizeof pointer, "%s/variant", at);
        fault_add(faults, pointer, "must be baseline or candidate");
    }
    snprintf(pointer, sizeof pointer, "%s/metrics", at);
    check_sketch(json_get(metrics, "names"), LIMIT_CENSUS_P, pointer, faults);
    const struct json *top = json_get(metrics, "top");
    for (size_t i = 0; i < json_len(top); i++) {
        const struct json *of = json_get(json_at(top, i), "labels");
        snprintf(pointer, sizeof pointer, "%s/metrics/top/%zu/labels", at, i);
        for (size_t k = 0; k < json_len(of); k++)
            check_sketch(json_get(json_at(of, k), "values"), LIMIT_CENSUS_P_DEEP, pointer, faults);
    }
    top = json_get(labels, "top");
    for (size_t i = 0; i < json_len(top); i++) {
        snprintf(pointer, sizeof pointer, "%s/labels/top/%zu/values", at, i);
        check_sketch(json_get(json_at(top, i), "values"), LIMIT_CENSUS_P, pointer, faults);
    }
    return faults->n == n;
}

/* ---- life */

struct census_sum *census_sum_new(void)
{
    struct census_sum *s = mem_alloc(sizeof *s);
    s->arena = arena_new();
    s->metrics = (struct list){ .most = METRICS_MAX, .p = LIMIT_CENSUS_P_DEEP };
    s->labels = (struct list){ .most = LABELS_MAX, .p = LIMIT_CENSUS_P };
    s->sketches_left = SKETCHES_MAX;
    for (int a = 0; a < ARM_COUNT; a++)
        sketch_init(&s->arm[a].names, LIMIT_CENSUS_P);
    return s;
}

static void list_clear(struct list *l)
{
    struct entry *e, *next;
    HASH_ITER(hh, l->entries, e, next) {
        for (int a = 0; a < ARM_COUNT; a++)
            sketch_done(&e->arm[a].values);
        if (e->below)
            list_clear(e->below);
    }
    HASH_CLEAR(hh, l->entries);
}

void census_sum_free(struct census_sum *s)
{
    if (!s)
        return;
    for (int a = 0; a < ARM_COUNT; a++)
        sketch_done(&s->arm[a].names);
    list_clear(&s->metrics);
    list_clear(&s->labels);
    arena_free(s->arena);
    free(s);
}

/* ---- adding */

static struct entry *entry_find(const struct list *l, struct str name)
{
    struct entry *e;
    HASH_FIND(hh, l->entries, name.p, name.n, e);
    return e;
}

/** NULL: there are too many names. */
static struct entry *entry_of(struct census_sum *s, struct list *l, struct str name)
{
    struct entry *e = entry_find(l, name);
    if (e || HASH_COUNT(l->entries) >= l->most)
        return e;
    e = arena_alloc(s->arena, sizeof *e);
    e->name = arena_strndup(s->arena, name);
    for (int a = 0; a < ARM_COUNT; a++)
        sketch_init(&e->arm[a].values, l->p);
    HASH_ADD_KEYPTR(hh, l->entries, e->name, name.n, e);
    return e;
}

static struct list *list_below(struct census_sum *s, struct entry *e, unsigned most, unsigned p)
{
    if (!e->below) {
        e->below = arena_alloc(s->arena, sizeof *e->below);
        *e->below = (struct list){ .most = most, .p = p };
    }
    return e->below;
}

static void merge_values(struct tally *t, const struct json *text)
{
    struct sketch values;
    if (!sketch_read(&values, t->values.p, json_text(text)))
        return;
    sketch_merge(&t->values, &values);
    sketch_done(&values);
}

/** What a name has at most that is not told here. Names for which there is no room are not told either. */
static int64_t make_room(struct census_sum *s, struct list *l, const struct json *doc)
{
    const struct json *top = json_get(doc, "top");
    int64_t rest = json_get_int(doc, "rest", 0), slack = json_get_int(doc, "slack", 0);
    for (size_t i = 0; i < json_len(top); i++) {
        const struct json *item = json_at(top, i);
        int64_t most = json_get_int(item, "series", 0) + slack;
        if (!entry_of(s, l, json_text(json_get(item, "name"))) && most > rest)
            rest = most;
    }
    return rest > slack ? rest : slack;
}

typedef void below_fn(struct census_sum *s, struct entry *e, int arm, const struct json *item);

static void list_add(struct census_sum *s, struct list *l, int arm, const struct json *doc, below_fn *below)
{
    const struct json *top = json_get(doc, "top");
    int64_t slack = json_get_int(doc, "slack", 0), rest = make_room(s, l, doc);
    l->rest[arm] += rest;
    l->partial[arm] += rest > 0;
    for (size_t i = 0; i < json_len(top); i++) {
        const struct json *item = json_at(top, i);
        struct entry *e = entry_find(l, json_text(json_get(item, "name")));
        if (!e)
            continue;
        struct tally *t = &e->arm[arm];
        t->series += json_get_int(item, "series", 0);
        t->bounded += rest - slack;
        t->told++;
        t->told_partial += rest > 0;
        if (below)
            below(s, e, arm, item);
    }
}

/** The labels of one metric: of each only its values. */
static void add_deep(struct census_sum *s, struct entry *metric, int arm, const struct json *item)
{
    const struct json *labels = json_get(item, "labels");
    struct list *l = list_below(s, metric, LIMIT_CENSUS_LABELS, LIMIT_CENSUS_P_DEEP);
    for (size_t i = 0; i < json_len(labels); i++) {
        const struct json *label = json_at(labels, i);
        struct str name = json_text(json_get(label, "name"));
        struct entry *e = entry_find(l, name);
        if (!e && s->sketches_left > 0 && (e = entry_of(s, l, name)))
            s->sketches_left--;
        if (!e)
            continue;
        e->arm[arm].told++;
        merge_values(&e->arm[arm], json_get(label, "values"));
    }
}

static void add_values(struct census_sum *s, struct entry *label, int arm, const struct json *item)
{
    merge_values(&label->arm[arm], json_get(item, "values"));
    list_add(s, list_below(s, label, VALUES_MAX, SKETCH_P_MIN), arm, json_get(item, "by_value"), NULL);
}

/** Of each metric the part of the arm's flows that its series and bytes are. Who counts money looks first
 *  whether they are known: census_has_flows(). */
static void add_flows(struct census_sum *s, int arm, const struct json *census)
{
    const struct json *top = json_get(json_get(census, "metrics"), "top");
    double points = json_get_real(census, "points_per_s", 0), bytes = json_get_real(census, "bytes_per_s", 0);
    double all_series = json_get_real(census, "series", 0), all_bytes = json_get_real(census, "bytes", 0);
    for (size_t i = 0; i < json_len(top) && all_series > 0 && all_bytes > 0; i++) {
        const struct json *item = json_at(top, i);
        struct entry *e = entry_find(&s->metrics, json_text(json_get(item, "name")));
        if (!e)
            continue;
        e->arm[arm].points_per_s += points * json_get_real(item, "series", 0) / all_series;
        e->arm[arm].bytes_per_s += bytes * json_get_real(item, "bytes", 0) / all_bytes;
    }
    s->arm[arm].points_per_s += points;
    s->arm[arm].bytes_per_s += bytes;
    s->arm[arm].cpu_cores += json_get_real(census, "cpu_cores", 0);
    s->arm[arm].rss_bytes += json_get_real(census, "rss_bytes", 0);
}

void census_sum_add(struct census_sum *s, enum arm arm, const struct json *census)
{
    struct arm_sum *a = &s->arm[arm];
    const struct json *metrics = json_get(census, "metrics");
    struct sketch names;
    int64_t ts = json_get_int(census, "ts", 0);
    a->hosts++;
    a->series += json_get_int(census, "series", 0);
    if (sketch_read(&names, LIMIT_CENSUS_P, json_text(json_get(metrics, "names")))) {
        sketch_merge(&a->names, &names);
        sketch_done(&names);
    }
    list_add(s, &s->metrics, (int)arm, metrics, add_deep);
    list_add(s, &s->labels, (int)arm, json_get(census, "labels"), add_values);
    add_flows(s, (int)arm, census);
    if (s->oldest_ns == 0 || ts < s->oldest_ns)
        s->oldest_ns = ts;
    if (ts > s->newest_ns)
        s->newest_ns = ts;
}

/* ---- order */

static int64_t more_series(const struct entry *e)
{
    return e->arm[0].series > e->arm[1].series ? e->arm[0].series : e->arm[1].series;
}

int entry__by_series(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a, *y = *(struct entry *const *)b;
    int64_t n = more_series(x), m = more_series(y);
    return n != m ? (n < m ? 1 : -1) : strcmp(x->name, y->name);
}

struct entry **list__sorted(struct arena *arena, const struct list *l, entry_order *order, size_t *ret_n)
{
    struct entry *e, *next, **all;
    size_t n = 0;
    *ret_n = HASH_COUNT(l->entries);
    if (*ret_n == 0)
        return NULL;
    all = arena_calloc(arena, *ret_n, sizeof(*all));
    HASH_ITER(hh, l->entries, e, next)
        all[n++] = e;
    qsort(all, n, sizeof(*all), order);
    return all;
}
