/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/census_round.h"
#include <math.h>
#include "core/agent/census.h"
#include "core/base/clock.h"
#include "core/base/measures.h"

enum { MEMBERS_MAX = 480 << 10 }; /* as census_write() says */

/** NULL: no room, which cannot be: a group has no more arms than that. */
static struct census_meter *meter_of(struct census_round *c, const char *id)
{
    for (unsigned i = 0; i < c->n_meters; i++)
        if (strcmp(c->meters[i].id, id) == 0)
            return &c->meters[i];
    if (c->n_meters == CENSUS_ARMS_MAX)
        return NULL;
    struct census_meter *m = &c->meters[c->n_meters++];
    *m = (struct census_meter){ 0 };
    str_copy(m->id, sizeof m->id, str_of(id));
    return m;
}

static void set_due(struct census_round *c)
{
    c->is_due = true;
    c->due_ns = clock_mono() + c->interval_ns;
}

void census_round_begin(struct census_round *c)
{
    c->is_due = false;
    if (c->interval_ns > 0 && clock_mono() >= c->due_ns)
        set_due(c);
}

void census_round_arm(struct census_round *c, const char *id)
{
    unsigned before = c->n_meters;
    (void)meter_of(c, id);
    if (c->interval_ns > 0 && c->n_meters > before)
        set_due(c);
}

void census_round_take(struct str exposition, struct buf *ret)
{
    struct census *census = census_take(exposition);
    struct jw w;
    buf_init(ret, MEMBERS_MAX);
    jw_init(&w, ret);
    jw_open(&w, '{');
    census_write(census, &w);
    jw_close(&w, '}');
    census_free(census);
    if (ret->failed) /* a bug: half of a document is worse than none */
        buf_done(ret);
}

/** What a counter grew by a second. NAN: not known, or it began again. */
static double rate_of(double now, double before, int64_t ns)
{
    return ns > 0 && now >= before ? (now - before) / ((double)ns / (double)NS_PER_S) : NAN;
}

static void write_flows(struct census_meter *m, const struct census_row *row, struct jw *w)
{
    const double *v = row->values;
    int64_t ns = m->tick_ns > 0 ? row->tick_ns - m->tick_ns : 0;
    jw_kreal(w, "points_per_s", rate_of(v[MEASURE_POINTS], m->points, ns));
    jw_kreal(w, "bytes_per_s", rate_of(v[MEASURE_BYTES], m->bytes, ns));
    jw_kreal(w, "cpu_cores", rate_of(v[MEASURE_CPU], m->cpu_s, ns));
    jw_kreal(w, "rss_bytes", v[MEASURE_RSS]);
    m->tick_ns = row->tick_ns;
    m->points = v[MEASURE_POINTS];
    m->bytes = v[MEASURE_BYTES];
    m->cpu_s = v[MEASURE_CPU];
}

void census_round_write(struct census_round *c, const struct census_row *row, struct outbox *out)
{
    struct census_meter *m = meter_of(c, row->id);
    if (!m)
        return;
    struct jw *w = outbox_row(out);
    jw_open(w, '{');
    jw_kstr(w, "experiment_id", row->experiment_id);
    jw_kstr(w, "variant", row->variant);
    jw_kint(w, "ts", row->tick_ns);
    write_flows(m, row, w);
    jw_members(w, row->members);
    jw_close(w, '}');
    outbox_row_end(out);
}
