/* SPDX-License-Identifier: Apache-2.0 */
/* The answer is {"status":"success","data":{"resultType":"matrix","result":[{"metric":{LABELS},"values":
 * [[SCRAPED,"VALUE"],…]},…]}}, its series in any order. It is read twice: for the ticks, which make the
 * rows, and then for the measures, which find theirs by the time of the scrape. */
#include "core/api/prom_rows.h"

#include <math.h>
#include <stdlib.h>
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

enum { LABEL_MAX = 256, DEPTH_MAX = 16, TICK = MEASURE_COUNT, NOT_OURS = -1 };
#define PREFIX "phoenix_arm_"
#define TICK_MIN_S 1e-3
#define TICK_MAX_S 9e9 /* the year 2255: still an int64 of ns */

struct row {
    int64_t scraped_ms, tick_ns;
    int host, arm;
    double v[MEASURE_COUNT];
};
struct strip { /* rows of one host and arm, of the answer at hand */
    size_t first, n;
};
struct prom_rows {
    const char **hosts;
    size_t n_hosts;
    struct row *at;
    size_t n, cap;
    struct sample *samples;
    size_t n_foreign;
    struct strip *strips; /* n_hosts * ARM_COUNT */
};
struct series {
    int what; /* a measure, TICK or NOT_OURS */
    int host, arm;
};
struct walk {
    struct prom_rows *rows;
    struct js js;
    bool for_ticks;
    struct err *err;
};

struct prom_rows *prom_rows_new(const char **hosts, size_t n_hosts)
{
    struct prom_rows *rows = mem_alloc(sizeof *rows);
    *rows = (struct prom_rows){ .hosts = hosts, .n_hosts = n_hosts };
    rows->strips = mem_calloc(n_hosts * ARM_COUNT + 1, sizeof *rows->strips);
    return rows;
}

void prom_rows_free(struct prom_rows *rows)
{
    if (!rows) return;
    free(rows->at);
    free(rows->samples);
    free(rows->strips);
    free(rows);
}

static int fail(struct walk *w, const char *what)
{
    return err_set(w->err, ERR_INVALID, "Prometheus gave no answer of a range query: %s",
                   w->js.why ? w->js.why : what);
}

/* ---- labels */

static int by_name(const void *key, const void *elem)
{
    return strcmp(key, *(const char *const *)elem);
}

/* The string that comes next; "" if it is longer than any label of ours. */
static bool take_text(struct walk *w, char out[static LABEL_MAX])
{
    if (js_next(&w->js) != JS_STRING) return false;
    struct str s = w->js.text;
    if (s.n >= LABEL_MAX) s.n = 0;
    s = js_unescape(s, out);
    out[s.n] = '\0';
    return true;
}

static int what_is(const char *name)
{
    if (!str_starts(str_of(name), PREFIX)) return NOT_OURS;
    if (strcmp(name + sizeof PREFIX - 1, "tick_seconds") == 0) return TICK;
    unsigned m = measure_find(name + sizeof PREFIX - 1);
    return m < MEASURE_COUNT ? (int)m : NOT_OURS;
}

static int take_metric(struct walk *w, struct series *ret)
{
    char text[LABEL_MAX];
    enum js_token t = js_next(&w->js);
    const struct prom_rows *rows = w->rows;
    *ret = (struct series){ NOT_OURS, -1, -1 };
    if (t != JS_OBJECT) return fail(w, "a series has no labels");
    while ((t = js_next(&w->js)) == JS_KEY) {
        struct str key = w->js.escaped ? STR("") : w->js.text;
        enum arm arm;
        if (!take_text(w, text)) return fail(w, "a label is no text");
        if (str_eqz(key, "__name__")) {
            ret->what = what_is(text);
        } else if (str_eqz(key, "variant") && arm_parse(text, &arm)) {
            ret->arm = (int)arm;
        } else if (str_eqz(key, "instance") && rows->n_hosts > 0) {
            const char **at = bsearch(text, rows->hosts, rows->n_hosts, sizeof *rows->hosts, by_name);
            ret->host = at ? (int)(at - rows->hosts) : -1;
        }
    }
    return t == JS_OBJECT_END ? 0 : fail(w, "a series has no labels");
}

/* ---- values */

static int add_row(struct walk *w, const struct series *s, struct strip *strip, int64_t scraped_ms, double v)
{
    struct prom_rows *rows = w->rows;
    const struct row *last = strip->n > 0 ? &rows->at[rows->n - 1] : NULL;
    if (!(v >= TICK_MIN_S && v < TICK_MAX_S)) return 0;
    int64_t tick_ns = llround(v * 1e3) * NS_PER_MS;
    if (last && (last->tick_ns == tick_ns || last->scraped_ms >= scraped_ms)) return 0;
    if (rows->n == LIMIT_PROMETHEUS_ROWS)
        return err_set(w->err, ERR_LIMIT, "Prometheus has more than %d samples of the experiment",
                       LIMIT_PROMETHEUS_ROWS);
    if (rows->n == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 1024;
        rows->at = mem_realloc(rows->at, rows->cap, sizeof *rows->at);
    }
    struct row *row = &rows->at[rows->n++];
    *row = (struct row){ .scraped_ms = scraped_ms, .tick_ns = tick_ns, .host = s->host, .arm = s->arm };
    for (int m = 0; m < MEASURE_COUNT; m++) row->v[m] = NAN;
    strip->n++;
    return 0;
}

/* Rows and values are both in the order of time; *io_at is the first row that may be meant. */
static void put_value(struct prom_rows *rows, const struct strip *strip, int what, int64_t scraped_ms,
                      double v, size_t *io_at)
{
    while (*io_at < strip->n && rows->at[strip->first + *io_at].scraped_ms < scraped_ms) ++*io_at;
    struct row *row = *io_at < strip->n ? &rows->at[strip->first + *io_at] : NULL;
    if (row && row->scraped_ms == scraped_ms && isnan(row->v[what])) row->v[what] = v;
}

static bool take_pair(struct walk *w, int64_t *ret_scraped_ms, double *ret_value)
{
    enum js_token t = js_next(&w->js);
    if (t != JS_INT && t != JS_REAL) return false;
    double scraped = w->js.r;
    if (!(scraped > 0 && scraped < TICK_MAX_S) || js_next(&w->js) != JS_STRING) return false;
    *ret_scraped_ms = llround(scraped * 1e3);
    if (!parse_real(w->js.text, ret_value)) *ret_value = NAN; /* NaN, +Inf, -Inf */
    return js_next(&w->js) == JS_ARRAY_END;
}

static int take_values(struct walk *w, const struct series *s)
{
    struct prom_rows *rows = w->rows;
    struct strip *strip = &rows->strips[s->host * ARM_COUNT + s->arm];
    size_t at = 0;
    enum js_token t = js_next(&w->js);
    if (t != JS_ARRAY) return fail(w, "a series has no values");
    if (w->for_ticks) *strip = (struct strip){ rows->n, 0 };
    while ((t = js_next(&w->js)) == JS_ARRAY) {
        int64_t scraped_ms;
        double v;
        if (!take_pair(w, &scraped_ms, &v)) return fail(w, "a value is none");
        int rc = w->for_ticks ? add_row(w, s, strip, scraped_ms, v) : 0;
        if (rc != 0) return rc;
        if (!w->for_ticks) put_value(rows, strip, s->what, scraped_ms, v, &at);
    }
    return t == JS_ARRAY_END ? 0 : fail(w, "a series has no values");
}

static bool is_wanted(struct walk *w, const struct series *s)
{
    bool is_tick = s->what == TICK, is_of_host = s->host >= 0 && s->arm >= 0;
    if (s->what == NOT_OURS || is_tick != w->for_ticks) return false;
    w->rows->n_foreign += is_tick && !is_of_host;
    /* the same arm twice, under other labels: the first counts */
    return is_of_host && !(is_tick && w->rows->strips[s->host * ARM_COUNT + s->arm].n > 0);
}

/* ---- the document */

static int take_series(struct walk *w)
{
    struct series s = { NOT_OURS, -1, -1 };
    enum js_token t;
    while ((t = js_next(&w->js)) == JS_KEY) {
        int rc = 0;
        if (str_eqz(w->js.text, "metric")) rc = take_metric(w, &s);
        else if (str_eqz(w->js.text, "values") && is_wanted(w, &s)) rc = take_values(w, &s);
        else if (!js_skip(&w->js)) rc = fail(w, "not JSON");
        if (rc != 0) return rc;
    }
    return t == JS_OBJECT_END ? 0 : fail(w, "a series is no object");
}

static int take_result(struct walk *w)
{
    enum js_token t = js_next(&w->js);
    if (t != JS_ARRAY) return fail(w, "`result` is no list");
    while ((t = js_next(&w->js)) == JS_OBJECT) {
        int rc = take_series(w);
        if (rc != 0) return rc;
    }
    return t == JS_ARRAY_END ? 0 : fail(w, "`result` is no list of series");
}

/* Down the objects to `result`; *ret_found: it was there. */
static int take_object(struct walk *w, const char *member, int (*take)(struct walk *w), bool *ret_found)
{
    enum js_token t = js_next(&w->js);
    if (t != JS_OBJECT) return fail(w, "not an object");
    while ((t = js_next(&w->js)) == JS_KEY) {
        bool is_it = str_eqz(w->js.text, member) && !*ret_found;
        int rc = is_it ? take(w) : js_skip(&w->js) ? 0 : fail(w, "not JSON");
        if (rc != 0) return rc;
        *ret_found |= is_it;
    }
    return t == JS_OBJECT_END ? 0 : fail(w, "not an object");
}

static int take_data(struct walk *w)
{
    bool found = false;
    int rc = take_object(w, "result", take_result, &found);
    return rc || found ? rc : fail(w, "there is no `result`");
}

static int walk(struct prom_rows *rows, struct str answer, bool for_ticks, struct err *err)
{
    struct walk w = { .rows = rows, .for_ticks = for_ticks, .err = err };
    bool found = false;
    js_init(&w.js, answer, DEPTH_MAX);
    int rc = take_object(&w, "data", take_data, &found);
    return rc || (found && js_next(&w.js) == JS_END) ? rc : fail(&w, "there is no `data`");
}

int prom_rows_add(struct prom_rows *rows, struct str answer, struct err *err)
{
    memset(rows->strips, 0, rows->n_hosts * ARM_COUNT * sizeof *rows->strips);
    int rc = walk(rows, answer, true, err);
    return rc ? rc : walk(rows, answer, false, err);
}

const struct sample *prom_rows_samples(struct prom_rows *rows, size_t *ret_n)
{
    free(rows->samples);
    rows->samples = mem_calloc(rows->n + 1, sizeof *rows->samples);
    for (size_t i = 0; i < rows->n; i++) {
        const struct row *r = &rows->at[i];
        rows->samples[i] = (struct sample){ .host_id = rows->hosts[r->host], .arm = r->arm,
                                            .ts_ns = r->tick_ns, .v = r->v };
    }
    *ret_n = rows->n;
    return rows->samples;
}

size_t prom_rows_foreign(const struct prom_rows *rows)
{
    return rows->n_foreign;
}
