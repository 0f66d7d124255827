/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix experiment kpis: what was measured, what was demanded, what follows. */
#include <math.h>
#include <stdio.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/table.h"

/* A measured value: few digits, no exponent where people count. */
static void add_number(struct buf *out, const struct json *v)
{
    double x = json_real(v, NAN);
    if (!isfinite(x))
        buf_adds(out, "-");
    else
        buf_addf(out, fabs(x) >= 1000 && fabs(x) < 1e12 ? "%.0f" : "%.4g", x);
}

static void add_percent(struct buf *out, const struct json *v, double sign)
{
    double x = json_real(v, NAN);
    if (isfinite(x))
        buf_addf(out, "%+.1f %%", sign * x * 100);
    else
        buf_adds(out, "?");
}

/* "-32.1 % (-35.0 % to -29.2 %)": what the candidate changes, with the interval. */
static void add_change(struct buf *out, const struct json *kpi)
{
    bool event = strcmp(json_get_str(kpi, "estimand", ""), "event") == 0;
    if (json_get(kpi, "reduction")) { /* a ratio; a reduction is a change downwards */
        add_percent(out, json_get(kpi, "reduction"), -1);
        if (!json_get(kpi, "reduction_high"))
            return; /* no interval yet; the state says why */
        buf_adds(out, " (");
        add_percent(out, json_get(kpi, "reduction_high"), -1);
        buf_adds(out, " to ");
        add_percent(out, json_get(kpi, "reduction_low"), -1);
        buf_adds(out, ")");
    } else if (json_get(kpi, "theta") || event) {
        add_number(out, json_get(kpi, event ? "candidate" : "theta"));
        buf_adds(out, " (");
        add_number(out, json_get(kpi, "low"));
        buf_adds(out, " to ");
        add_number(out, json_get(kpi, "high"));
        buf_adds(out, ")");
    } else {
        buf_adds(out, "-");
    }
}

static void print_measured(const struct ctx *c, const struct json *kpis)
{
    static const char *const titles[] = { "KPI", "UNIT",  ">BASELINE", ">CANDIDATE", ">CHANGE (INTERVAL)",
                                          ">N",  "STATE", NULL };
    struct table t;
    table_init(&t, titles);
    for (size_t i = 0; i < json_len(kpis); i++) {
        const struct json *k = json_at(kpis, i);
        struct buf a CLEANUP_BUF, b CLEANUP_BUF, change CLEANUP_BUF;
        const char *reason = json_get_str(k, "reason", NULL);
        buf_init(&a, 64);
        buf_init(&b, 64);
        buf_init(&change, 256);
        add_number(&a, json_get(k, "baseline"));
        add_number(&b, json_get(k, "candidate"));
        add_change(&change, k);
        table_cell(&t, json_get_str(k, "name", NULL));
        table_cell(&t, json_get_str(k, "unit", NULL));
        table_cell(&t, buf_cstr(&a));
        table_cell(&t, buf_cstr(&b));
        table_cell(&t, buf_cstr(&change));
        table_cellf(&t, "%.0f", json_get_real(k, "n", 0));
        table_cellf(&t, "%s%s%s", json_get_str(k, "status", "-"), reason ? ": " : "", reason ? reason : "");
    }
    table_print(&t, c->colour, stdout);
    table_done(&t);
}

static void print_criteria(const struct ctx *c, const struct json *criteria)
{
    static const char *const titles[] = { "CRITERION", "KPI", "RULE", ">TARGET", "STATE", "WHY", NULL };
    struct table t;
    if (json_len(criteria) == 0)
        return;
    table_init(&t, titles);
    for (size_t i = 0; i < json_len(criteria); i++) {
        const struct json *k = json_at(criteria, i);
        table_cell(&t, json_get_str(k, "role", NULL));
        table_cell(&t, json_get_str(k, "kpi", NULL));
        table_cell(&t, json_get_str(k, "rule", NULL));
        table_cellf(&t, "%g", json_get_real(k, "target", NAN));
        table_cell(&t, json_get_str(k, "state", NULL));
        table_cell(&t, json_get_str(k, "text", NULL));
    }
    putchar('\n');
    table_print(&t, c->colour, stdout);
    table_done(&t);
}

static void print_verdict(const struct ctx *c, const struct json *verdict)
{
    const char *decision = json_get_str(verdict, "decision", "none yet");
    const char *colour = strcmp(decision, "promote") == 0  ? "\x1b[32m"
                         : strcmp(decision, "reject") == 0 ? "\x1b[31m"
                                                           : "\x1b[33m";
    const struct json *reasons = json_get(verdict, "reasons");
    struct buf text CLEANUP_BUF;
    buf_init(&text, 65536);
    text_escape(&text, str_of(decision));
    printf("\nverdict: %s%s%s", c->colour ? colour : "", buf_cstr(&text), c->colour ? "\x1b[0m" : "");
    buf_reset(&text);
    text_escape(&text, str_of(json_get_str(verdict, "reason", "")));
    printf("%s%s\n", text.len ? ": " : "", buf_cstr(&text));
    for (size_t i = 0; i < json_len(reasons); i++) {
        const struct json *r = json_at(reasons, i);
        if (str_eqz(json_text(r), json_get_str(verdict, "reason", "")))
            continue;
        buf_reset(&text);
        text_escape(&text, json_text(r));
        printf("  - %s\n", buf_cstr(&text));
    }
}

void print_kpis(const struct ctx *c, const struct json *doc)
{
    if (json_len(json_get(doc, "kpis")) == 0)
        puts("nothing was computed yet");
    else
        print_measured(c, json_get(doc, "kpis"));
    print_criteria(c, json_get(doc, "criteria"));
    print_verdict(c, json_get(doc, "verdict"));
}

int cmd_experiment_kpis(struct ctx *c)
{
    struct err err = { 0 };
    struct target t;
    target_init(&t, "/api/v1/experiments/%s/kpis", c->args.words[0]);
    struct json *doc CLEANUP_JSON = client_get(c->client, &t, &err);
    if (!doc)
        return print_error(c, &err);
    if (!print_document(c, doc))
        print_kpis(c, doc);
    if (!args_has(&c->args, "exit-code"))
        return EXIT_PASS;
    return verdict_exit(json_get_str(json_get(doc, "verdict"), "decision", NULL));
}
