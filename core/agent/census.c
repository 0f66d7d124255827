/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass finds the metrics and the labels with the most series; the second looks at their values. So
 * what is kept of each value belongs to few labels, and there is nothing to throw away on the way. */
#include "core/agent/census.h"
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/expo.h"
#include "core/agent/expo_line.h"
#include "core/agent/heavy.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/sketch.h"

enum {
    METRICS_MOST = 2048, LABELS_MOST = 64, VALUES_MOST = 128, /* that are counted at a time */
    METRICS = LIMIT_CENSUS_METRICS, LABELS = LIMIT_CENSUS_LABELS, VALUES = LIMIT_CENSUS_VALUES, /* told */
    METRICS_DEEP = LIMIT_CENSUS_METRICS_DEEP, LABELS_DEEP = LIMIT_CENSUS_LABELS_DEEP,
    LABELS_OF_LINE = 64,                /* the rest of a line's labels is not looked at */
    NAME_BYTES = 128, VALUE_BYTES = 64, /* longer ones are cut */
    P = LIMIT_CENSUS_P, P_DEEP = LIMIT_CENSUS_P_DEEP
};

struct memo { /* lines that follow each other mostly say the same at the same place */
    struct str text;
    uint64_t hash;
};
struct label { /* in the order of census.labels */
    struct sketch values;
    struct heavy top;
};
struct census {
    uint64_t series, bytes;
    struct sketch names; /* of metrics */
    struct heavy metrics, labels;
    struct label label[LABELS];
    struct sketch deep[METRICS_DEEP][LABELS]; /* values of a label in the series of a metric */
    struct memo name, label_names[LABELS_OF_LINE], label_values[LABELS_OF_LINE];
};

/* -------------------------------------------------------------------------------------- lines */

struct series {
    struct str name;
    size_t bytes; /* of the line, with its end */
    unsigned n;
    struct expo_label labels[LABELS_OF_LINE];
};

static bool has_label(const struct series *s, struct str name)
{
    for (unsigned i = 0; i < s->n; i++)
        if (str_eq(s->labels[i].name, name))
            return true;
    return false;
}

/** False: it is no series of the pipeline. */
static bool series_parse(struct str row, struct series *s)
{
    struct expo_line at;
    struct expo_label label;
    enum expo_found found;
    struct str value;
    bool has_labels = false;
    s->n = 0;
    s->bytes = row.n + 1;
    if (!expo_line_open(row, &at, &s->name))
        return false;
    while ((found = expo_line_label(&at, &label)) == EXPO_LABEL) {
        has_labels = true;
        if (label.value.n > 0 && s->n < LABELS_OF_LINE && !has_label(s, label.name))
            s->labels[s->n++] = label;
    }
    return found == EXPO_NO_MORE && expo_line_value(&at, &value) && !expo_is_own(s->name, has_labels);
}

static bool series_next(struct str *rest, struct series *s)
{
    struct str row;
    while (str_split(rest, '\n', &row)) {
        row = str_trim(row);
        if (row.n > 0 && row.p[0] != '#' && series_parse(row, s))
            return true;
    }
    return false;
}

/* ----------------------------------------------------------------------------------- counting */

static uint64_t hash_of(struct memo *m, struct str text)
{
    if (!str_eq(m->text, text) || !m->text.p)
        *m = (struct memo){ text, sketch_hash(text) };
    return m->hash;
}

static void count_names(struct census *c, const struct series *s)
{
    uint64_t hash = hash_of(&c->name, s->name);
    c->series++;
    c->bytes += s->bytes;
    sketch_add(&c->names, hash);
    heavy_add(&c->metrics, hash, s->name, s->bytes);
    for (unsigned i = 0; i < s->n; i++)
        heavy_add(&c->labels, hash_of(&c->label_names[i], s->labels[i].name), s->labels[i].name, 0);
}

/** Position among the first @p n; @p n: it is not among them. */
static size_t rank_of(const struct heavy *h, struct memo *m, struct str text, size_t n)
{
    const struct heavy_item *item = heavy_find(h, hash_of(m, text), text);
    size_t at = item ? (size_t)(item - h->items) : n;
    return at < n ? at : n;
}

static void count_values(struct census *c, const struct series *s)
{
    size_t metric = rank_of(&c->metrics, &c->name, s->name, METRICS_DEEP);
    for (unsigned i = 0; i < s->n; i++) {
        size_t at = rank_of(&c->labels, &c->label_names[i], s->labels[i].name, LABELS);
        if (at == LABELS)
            continue;
        struct str value = s->labels[i].value;
        uint64_t hash = hash_of(&c->label_values[i], value);
        sketch_add(&c->label[at].values, hash);
        heavy_add(&c->label[at].top, hash, value, 0);
        if (metric < METRICS_DEEP)
            sketch_add(&c->deep[metric][at], hash);
    }
}

static struct census *census_new(void)
{
    struct census *c = mem_alloc(sizeof *c);
    sketch_init(&c->names, P);
    heavy_init(&c->metrics, METRICS_MOST);
    heavy_init(&c->labels, LABELS_MOST);
    for (unsigned i = 0; i < LABELS; i++) {
        sketch_init(&c->label[i].values, P);
        heavy_init(&c->label[i].top, VALUES_MOST);
    }
    for (unsigned m = 0; m < METRICS_DEEP; m++)
        for (unsigned i = 0; i < LABELS; i++)
            sketch_init(&c->deep[m][i], P_DEEP);
    return c;
}

struct census *census_take(struct str exposition)
{
    struct census *c = census_new();
    struct series s;
    for (struct str rest = exposition; series_next(&rest, &s);)
        count_names(c, &s);
    heavy_sort(&c->metrics);
    heavy_sort(&c->labels);
    for (struct str rest = exposition; series_next(&rest, &s);)
        count_values(c, &s);
    for (unsigned i = 0; i < LABELS; i++)
        heavy_sort(&c->label[i].top);
    return c;
}

void census_free(struct census *c)
{
    if (!c)
        return;
    sketch_done(&c->names);
    heavy_done(&c->metrics);
    heavy_done(&c->labels);
    for (unsigned i = 0; i < LABELS; i++) {
        sketch_done(&c->label[i].values);
        heavy_done(&c->label[i].top);
        for (unsigned m = 0; m < METRICS_DEEP; m++)
            sketch_done(&c->deep[m][i]);
    }
    free(c);
}

/* ------------------------------------------------------------------------------------ writing */

/** A text for people, that still is another one for another text: one that is cut ends with its hash. */
static void write_text(struct jw *w, struct str escaped, uint64_t hash, size_t most)
{
    char plain[2 * NAME_BYTES] = "", text[NAME_BYTES + 20];
    struct str head = { escaped.p, escaped.n < 2 * most ? escaped.n : 2 * most };
    head = expo_unescape(head, plain);
    for (size_t i = 0; i < head.n; i++)
        if (plain[i] == '\0')
            plain[i] = '?'; /* no JSON of ours has one */
    if (head.n <= most && escaped.n <= 2 * most) {
        jw_str(w, head);
        return;
    }
    size_t n = most;
    while (n > most - 4 && (plain[n] & 0xc0) == 0x80) /* not within a character */
        n--;
    snprintf(text, sizeof text, "%.*s~%016llx", (int)n, plain, (unsigned long long)hash);
    jw_str(w, str_of(text));
}

static void write_sketch(struct jw *w, const char *key, const struct sketch *s)
{
    CLEANUP_BUF struct buf out;
    buf_init(&out, SKETCH_TEXT_MAX(P));
    sketch_write(s, &out);
    jw_key(w, key);
    jw_str(w, buf_str(&out));
}

static uint32_t shown_of(const struct heavy *h, uint32_t most)
{
    return h->n < most ? h->n : most;
}

/** {"slack", "rest", "top": [ left open. */
static uint32_t open_top(struct jw *w, const struct heavy *h, uint32_t most)
{
    uint32_t shown = shown_of(h, most);
    jw_kint(w, "slack", (int64_t)h->slack);
    jw_kint(w, "rest", (int64_t)heavy_rest(h, shown));
    jw_key(w, "top");
    jw_open(w, '[');
    return shown;
}

static void open_item(struct jw *w, const struct heavy_item *item, size_t most_bytes)
{
    jw_open(w, '{');
    jw_key(w, "name");
    write_text(w, item->text, item->hash, most_bytes);
    jw_kint(w, "series", (int64_t)item->n);
}

/** The labels of a metric that have the most values. */
static void write_deep(const struct census *c, const struct sketch *deep, struct jw *w)
{
    uint64_t n[LABELS];
    for (unsigned i = 0; i < LABELS; i++)
        n[i] = sketch_count(&deep[i]);
    jw_key(w, "labels");
    jw_open(w, '[');
    for (unsigned k = 0; k < LABELS_DEEP; k++) {
        unsigned most = 0;
        for (unsigned i = 1; i < LABELS; i++)
            if (n[i] > n[most])
                most = i;
        if (n[most] == 0)
            break;
        n[most] = 0;
        jw_open(w, '{');
        jw_key(w, "name");
        write_text(w, c->labels.items[most].text, c->labels.items[most].hash, NAME_BYTES);
        write_sketch(w, "values", &deep[most]);
        jw_close(w, '}');
    }
    jw_close(w, ']');
}

static void write_metrics(const struct census *c, struct jw *w)
{
    jw_key(w, "metrics");
    jw_open(w, '{');
    write_sketch(w, "names", &c->names);
    uint32_t shown = open_top(w, &c->metrics, METRICS);
    for (uint32_t i = 0; i < shown; i++) {
        open_item(w, &c->metrics.items[i], NAME_BYTES);
        jw_kint(w, "bytes", (int64_t)c->metrics.items[i].bytes);
        if (i < METRICS_DEEP)
            write_deep(c, c->deep[i], w);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

static void write_values(const struct heavy *h, struct jw *w)
{
    jw_key(w, "by_value");
    jw_open(w, '{');
    uint32_t shown = open_top(w, h, VALUES);
    for (uint32_t i = 0; i < shown; i++) {
        open_item(w, &h->items[i], VALUE_BYTES);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

static void write_labels(const struct census *c, struct jw *w)
{
    jw_key(w, "labels");
    jw_open(w, '{');
    uint32_t shown = open_top(w, &c->labels, LABELS);
    for (uint32_t i = 0; i < shown; i++) {
        open_item(w, &c->labels.items[i], NAME_BYTES);
        write_sketch(w, "values", &c->label[i].values);
        write_values(&c->label[i].top, w);
        jw_close(w, '}');
    }
    jw_close(w, ']');
    jw_close(w, '}');
}

void census_write(const struct census *c, struct jw *w)
{
    jw_kint(w, "series", (int64_t)c->series);
    jw_kint(w, "bytes", (int64_t)c->bytes);
    write_metrics(c, w);
    write_labels(c, w);
}
