/* SPDX-License-Identifier: Apache-2.0 */
/* What agents say, in the shape and about the size of what core/agent says. */
#include <stdio.h>
#include "config.h"
#include "core/base/clock.h"
#include "core/base/measures.h"
#include "tools/swarm/agent.h"

/* A UUID that only this stream of this agent in this run has. */
static void write_uuid(struct jw *w, const char *key, const struct agent *a, unsigned stream)
{
    char id[40];
    const struct swarm *s = a->swarm;
    uint32_t number = s->first + a->index;
    snprintf(id, sizeof id, "%08x-%04x-7%03x-8%03x-%012x", s->ledger.run,
             number >> 16 & 0xffff, stream & 0xfff,
             s->process & 0xfff, number);
    jw_kstr(w, key, id);
}

static void write_usage(const struct agent *a, struct jw *w)
{
    jw_key(w, "resource_usage");
    jw_open(w, '{');
    jw_kreal(w, "cpu_percent", (double)(a->index % 1000) / 10);
    jw_kreal(w, "memory_percent", 40.2);
    jw_kint(w, "memory_bytes", 3452816384);
    jw_kreal(w, "disk_percent", 50.1);
    jw_kint(w, "disk_bytes", 53687091200);
    jw_close(w, '}');
    jw_key(w, "spool");
    jw_open(w, '{');
    jw_kint(w, "batches", a->samples.tries + a->logs.tries ? 1 : 0);
    jw_kint(w, "bytes", 0);
    jw_kint(w, "dropped", 0);
    jw_close(w, '}');
}

static void write_changes(struct agent *a, const char *host, struct jw *w)
{
    jw_kstr(w, "hostname", host);
    jw_key(w, "capabilities");
    jw_raw(w, STR("{\"collectors\":[\"native\"],\"loads\":[\"steady\"],\"cpus\":4,"
                  "\"memory_bytes\":8589934592,"
                  "\"os\":\"linux\",\"kernel\":\"6.1.0\",\"arch\":\"x86_64\"}"));
    jw_key(w, "labels");
    jw_raw(w, STR("{\"swarm\":\"yes\"}"));
    jw_key(w, "pipelines");
    jw_raw(w, STR("[]"));
    jw_key(w, "loads");
    jobs_write_loads(a, w);
}

void heartbeat_write(struct agent *a, bool is_full, struct buf *out)
{
    char host[HOST_NAME_MAX_BYTES];
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    jw_kstr(&w, "host_id", agent_host(a->swarm, a->index, host));
    jw_kstr(&w, "agent_version", PACKAGE_VERSION);
    jw_kstr(&w, "status", "healthy");
    jw_key(&w, "active_tasks");
    jobs_write_active(a, &w);
    write_usage(a, &w);
    if (is_full)
        write_changes(a, host, &w);
    jw_close(&w, '}');
}

static void write_arm(struct agent *a, const char *variant, struct jw *w)
{
    const struct stream *x = &a->samples;
    bool is_candidate = variant[0] == 'c';
    jw_open(w, '{');
    write_uuid(w, "experiment_id", &(struct agent){ .swarm = a->swarm }, 0);
    jw_kstr(w, "variant", variant);
    jw_kint(w, "ts", x->ts_ns);
    jw_key(w, "values");
    jw_open(w, '[');
    for (unsigned i = 0; i < a->swarm->o->values; i++) /* counters count up, and one of the arms less */
        jw_int(w, i == 0 ? 1 : (int64_t)x->seq * (100 * i + a->index % 100) / (is_candidate ? 2 : 1));
    jw_close(w, ']');
    jw_close(w, '}');
}

void samples_write(struct agent *a, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    write_uuid(&w, "stream", a, KIND_SAMPLES);
    jw_kint(&w, "seq", a->samples.seq);
    jw_key(&w, "measures");
    jw_open(&w, '[');
    for (unsigned i = 0; i < a->swarm->o->values; i++) {
        char name[32];
        snprintf(name, sizeof name, "swarm_%u", i);
        jw_strz(&w, measure_name(i) ? measure_name(i) : name);
    }
    jw_close(&w, ']');
    jw_key(&w, "samples");
    jw_open(&w, '[');
    write_arm(a, "baseline", &w);
    write_arm(a, "candidate", &w);
    jw_close(&w, ']');
    jw_close(&w, '}');
}

void logs_write(struct agent *a, struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    write_uuid(&w, "stream", a, KIND_LOGS);
    jw_kint(&w, "seq", a->logs.seq);
    jw_key(&w, "logs");
    jw_open(&w, '[');
    for (unsigned i = 0; i < a->swarm->o->lines; i++) {
        char text[96];
        snprintf(text, sizeof text, "line %u of batch %u: a collector says that all is as it was", i,
                 a->logs.seq);
        jw_open(&w, '{');
        jw_ktime(&w, "timestamp", a->logs.ts_ns);
        jw_kstr(&w, "level", "info");
        jw_kstr(&w, "source", "swarm");
        jw_kstr(&w, "message", text);
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
}
