/* SPDX-License-Identifier: Apache-2.0 */
/* The names of 0.110 to 0.159 and the suffixes that its versions put behind them: none, `_total`, or the unit
 * and `_total` (`__datapoints__total`). Processors counted points by signal before they counted items. */
#include <math.h>
#include "core/agent/expo_line.h"
#include "core/agent/telemetry.h"

enum counter { SENT, ACCEPTED, INCOMING, OUTGOING };
enum { PROCESSORS_MAX = 64 };
static const struct {
    const char *name;
    enum counter counter;
} known[] = {
    { "otelcol_exporter_sent_metric_points", SENT },
    { "otelcol_receiver_accepted_metric_points", ACCEPTED },
    { "otelcol_processor_incoming_items", INCOMING },
    { "otelcol_processor_outgoing_items", OUTGOING },
    { "otelcol_processor_incoming_metric_points", INCOMING },
    { "otelcol_processor_outgoing_metric_points", OUTGOING },
};

struct processor {
    struct str name; /* borrowed of the text */
    double in, out;
};
struct scan {
    struct telemetry *found;
    struct processor processors[PROCESSORS_MAX]; /* more are not counted */
    unsigned n;
};

static bool is_known(struct str name, enum counter *ret)
{
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t n = strlen(known[i].name);
        struct str rest = { name.p + n, name.n - n };
        if (!str_starts(name, known[i].name) ||
            !(rest.n == 0 || str_eqz(rest, "_total") || str_starts(rest, "__")))
            continue;
        *ret = known[i].counter;
        return true;
    }
    return false;
}

static void add(double *sum, double v)
{
    *sum = isnan(*sum) ? v : *sum + v;
}

static struct processor *processor_of(struct scan *s, struct str name)
{
    unsigned i = 0;
    while (i < s->n && !str_eq(s->processors[i].name, name))
        i++;
    if (i == PROCESSORS_MAX)
        return NULL;
    if (i == s->n)
        s->processors[s->n++] = (struct processor){ .name = name };
    return &s->processors[i];
}

/** Of several exporters only the one that is sampled, or a point would count twice. */
static bool is_sampled(struct str exporter)
{
    return str_eqz(exporter, "prometheus") || str_starts(exporter, "prometheus/");
}

static void take(struct scan *s, enum counter counter, struct str of, double value)
{
    struct processor *p = counter == INCOMING || counter == OUTGOING ? processor_of(s, of) : NULL;
    if (counter == ACCEPTED)
        add(&s->found->points_in, value);
    else if (counter == SENT && is_sampled(of))
        add(&s->found->points, value);
    else if (p)
        add(counter == INCOMING ? &p->in : &p->out, value);
}

static void take_line(struct scan *s, struct str row)
{
    struct expo_line line;
    struct expo_label label;
    enum expo_found found;
    struct str name, text, of = { "", 0 };
    enum counter counter;
    double value;
    bool is_metrics = true;
    if (!expo_line_open(row, &line, &name) || !is_known(name, &counter))
        return;
    while ((found = expo_line_label(&line, &label)) == EXPO_LABEL) {
        if (str_eqz(label.name, "exporter") || str_eqz(label.name, "processor"))
            of = label.value;
        if (str_eqz(label.name, "otel_signal"))
            is_metrics = str_eqz(label.value, "metrics");
    }
    if (found == EXPO_NO_MORE && is_metrics && expo_line_value(&line, &text) && parse_real(text, &value) &&
        value >= 0)
        take(s, counter, of, value);
}

void telemetry_scan(struct str exposition, struct telemetry *ret)
{
    struct scan s = { .found = ret };
    struct str row;
    *ret = (struct telemetry){ NAN, NAN, NAN };
    while (str_split(&exposition, '\n', &row)) {
        row = str_trim(row);
        if (row.n > 0 && row.p[0] != '#')
            take_line(&s, row);
    }
    /* a processor that copies metrics lets out more than it took: it drops nothing that could be told */
    for (unsigned i = 0; i < s.n; i++)
        add(&ret->dropped, fmax(0, s.processors[i].in - s.processors[i].out));
}
