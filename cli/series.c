/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix experiment cardinality, phoenix experiment cost: what the series of both arms are made of, and
 * what they cost. */
#include <math.h>
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/table.h"

/* How many of the labels or values below a row are shown beside it. */
enum { BESIDE = 3 };

/* 12, ~12 (estimated, or some more), >=12, ? */
static const char *add_figure(struct buf *out, const struct json *figure)
{
    const struct json *value = json_get(figure, "value");
    if (!value)
        buf_adds(out, "?");
    else
        buf_addf(out, "%s%lld",
                 json_get_bool(figure, "exact", false)      ? ""
                 : json_get(figure, "relative_error") == NULL ? ">="
                                                              : "~",
                 (long long)json_int(value, 0));
    return buf_cstr(out);
}

static void cell_figure(struct table *t, const struct json *figure)
{
    struct buf text CLEANUP_BUF;
    buf_init(&text, 64);
    table_cell(t, figure ? add_figure(&text, figure) : NULL);
}

static void cell_percent(struct table *t, const struct json *part, const char *fmt)
{
    double x = json_real(part, NAN);
    if (isfinite(x))
        table_cellf(t, fmt, x * 100);
    else
        table_cell(t, NULL);
}

static void cells_pair(struct table *t, const struct json *pair)
{
    cell_figure(t, json_get(pair, "baseline"));
    cell_figure(t, json_get(pair, "candidate"));
    cell_percent(t, json_get(pair, "change"), "%+.1f %%");
}

/* "pid 1000 > 200, name 12 > 8": of the first of a list. */
static void cell_beside(struct table *t, const struct json *list, const char *name, const char *count)
{
    struct buf text CLEANUP_BUF;
    buf_init(&text, 1024);
    for (size_t i = 0; i < json_len(list) && i < BESIDE; i++) {
        const struct json *pair = json_get(json_at(list, i), count);
        const struct json *b = json_get(pair, "baseline"), *c = json_get(pair, "candidate");
        buf_addf(&text, "%s%s ", i ? ", " : "", json_get_str(json_at(list, i), name, ""));
        if (b)
            add_figure(&text, b);
        if (b && c)
            buf_adds(&text, " > ");
        if (c)
            add_figure(&text, c);
    }
    table_cell(t, buf_cstr(&text));
}

/* @p what: that a host which is left out did not tell. */
static void print_when(const struct json *doc, const char *what)
{
    struct buf from CLEANUP_BUF, to CLEANUP_BUF;
    const struct column first = { NULL, "measured_from", COL_TIME }, last = { NULL, "measured_to", COL_TIME };
    int64_t hosts = json_get_int(doc, "hosts", 0), left_out = json_get_int(doc, "hosts_left_out", 0);
    buf_init(&from, 64);
    buf_init(&to, 64);
    column_text(doc, &first, &from);
    column_text(doc, &last, &to);
    printf("%lld %s, measured %s", (long long)hosts, hosts == 1 ? "host" : "hosts", buf_cstr(&from));
    if (strcmp(buf_cstr(&from), buf_cstr(&to)) != 0)
        printf(" to %s", buf_cstr(&to));
    if (left_out > 0)
        printf("; %lld left out, which did not tell %s", (long long)left_out, what);
    puts("");
}

static bool print_no_data(const struct json *doc)
{
    struct buf text CLEANUP_BUF;
    buf_init(&text, 1024);
    if (strcmp(json_get_str(doc, "state", ""), "no_data") != 0)
        return false;
    text_escape(&text, str_of(json_get_str(doc, "reason", "-")));
    printf("no data: %s\n", buf_cstr(&text));
    return true;
}

/* ---- cardinality */

static void print_totals(const struct ctx *c, const struct json *doc)
{
    static const char *const titles[] = { "TOTAL", ">BASELINE", ">CANDIDATE", ">CHANGE", NULL };
    struct table t;
    table_init(&t, titles);
    table_cell(&t, "series");
    cells_pair(&t, json_get(doc, "series"));
    table_cell(&t, "names of metrics");
    cells_pair(&t, json_get(doc, "metric_names"));
    table_print(&t, c->colour, stdout);
    table_done(&t);
}

static void print_metrics(const struct ctx *c, const struct json *metrics)
{
    static const char *const titles[] = { "METRIC",  ">BASELINE", ">CANDIDATE", ">CHANGE", ">SHARE",
                                          ">SHARE", "LABELS BY DIFFERENT VALUES", NULL };
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_len(metrics); i++) {
        const struct json *m = json_at(metrics, i), *share = json_get(m, "share");
        table_cell(&t, json_get_str(m, "name", NULL));
        cells_pair(&t, json_get(m, "series"));
        cell_percent(&t, json_get(share, "baseline"), "%.1f %%");
        cell_percent(&t, json_get(share, "candidate"), "%.1f %%");
        cell_beside(&t, json_get(m, "labels"), "name", "values");
    }
    putchar('\n');
    table_print(&t, c->colour, stdout);
    table_done(&t);
}

static void print_labels(const struct ctx *c, const struct json *labels)
{
    static const char *const titles[] = { "LABEL",   ">BASELINE", ">CANDIDATE", ">CHANGE", ">SERIES",
                                          ">SERIES", "VALUES BY SERIES", NULL };
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_len(labels); i++) {
        const struct json *l = json_at(labels, i), *series = json_get(l, "series");
        table_cell(&t, json_get_str(l, "name", NULL));
        cells_pair(&t, json_get(l, "values"));
        cell_figure(&t, json_get(series, "baseline"));
        cell_figure(&t, json_get(series, "candidate"));
        cell_beside(&t, json_get(l, "by_value"), "value", "series");
    }
    putchar('\n');
    table_print(&t, c->colour, stdout);
    table_done(&t);
}

static struct json *get(struct ctx *c, const char *path, struct err *err)
{
    struct target t;
    target_init(&t, path, NULL);
    target_query(&t, "experiment", c->args.words[0]);
    target_query(&t, "limit", args_get(&c->args, "top"));
    target_query(&t, "host", args_get(&c->args, "host"));
    target_query(&t, "variant", args_get(&c->args, "variant"));
    target_query(&t, "metric", args_get(&c->args, "metric"));
    return client_get(c->client, &t, err);
}

int cmd_experiment_cardinality(struct ctx *c)
{
    struct err err = { 0 };
    const char *by = args_get(&c->args, "by");
    if (by && strcmp(by, "metric") != 0 && strcmp(by, "label") != 0) {
        err_set(&err, ERR_USAGE, "--by is metric or label, not \"%s\"", by);
        return print_error(c, &err);
    }
    struct json *doc CLEANUP_JSON = get(c, "/api/v1/metrics/cardinality", &err);
    if (!doc)
        return print_error(c, &err);
    if (print_document(c, doc) || print_no_data(doc))
        return EXIT_PASS;
    print_when(doc, args_get(&c->args, "variant") ? "of that arm" : "of both arms");
    print_totals(c, doc);
    if (!by || strcmp(by, "metric") == 0)
        print_metrics(c, json_get(doc, "metrics"));
    if (!by || strcmp(by, "label") == 0)
        print_labels(c, json_get(doc, "labels"));
    puts("\n~ estimated, or at least so many: -o json says within what. >= at least. ? no host told it.");
    return EXIT_PASS;
}

/* ---- cost */

static void cell_money(struct table *t, const struct json *v)
{
    double x = json_real(v, NAN);
    if (!isfinite(x))
        table_cell(t, "?");
    else if (x == 0 || fabs(x) >= 0.01)
        table_cellf(t, "%.2f", x);
    else
        table_cellf(t, "%.2g", x);
}

static void row_money(struct table *t, const char *name, const struct json *money, const struct json *share)
{
    table_cell(t, name);
    cell_money(t, json_get(money, "baseline"));
    cell_money(t, json_get(money, "candidate"));
    cell_money(t, json_get(money, "saving"));
    cell_percent(t, json_get(share, "baseline"), "%.1f %%");
}

int cmd_experiment_cost(struct ctx *c)
{
    static const char *const titles[] = { "METRIC", ">BASELINE", ">CANDIDATE", ">SAVING", ">SHARE", NULL };
    struct err err = { 0 };
    struct json *doc CLEANUP_JSON = get(c, "/api/v1/metrics/cost-flow", &err);
    struct buf text CLEANUP_BUF;
    struct table t;
    buf_init(&text, 1024);
    if (!doc)
        return print_error(c, &err);
    if (print_document(c, doc) || print_no_data(doc))
        return EXIT_PASS;
    text_escape(&text, str_of(json_get_str(doc, "currency", "money")));
    buf_adds(&text, " a month, by the prices ");
    text_escape(&text, str_of(json_get_str(doc, "prices", "of the settings")));
    printf("%s; ", buf_cstr(&text));
    print_when(doc, "what flows in both arms");
    table_init(&t, titles);
    const struct json *metrics = json_get(doc, "metrics");
    for (size_t i = 0; i < json_len(metrics); i++) {
        const struct json *m = json_at(metrics, i);
        row_money(&t, json_get_str(m, "name", NULL), json_get(m, "per_month"), json_get(m, "share"));
    }
    row_money(&t, "(all other metrics)", json_get(doc, "other_metrics"), NULL);
    row_money(&t, "(CPU and memory of the collector)", json_get(doc, "collector"), NULL);
    row_money(&t, "(all)", json_get(doc, "per_month"), NULL);
    table_print(&t, c->colour, stdout);
    table_done(&t);
    return EXIT_PASS;
}
