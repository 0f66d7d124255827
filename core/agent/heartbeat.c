/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "config.h"
#include "core/agent/backoff.h"
#include "core/agent/heartbeat.h"
#include "core/agent/procfs.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"

enum { BODY_MAX = 256 << 10 };
struct heartbeat {
    struct heartbeat_conf conf;
    struct timer *timer;
    struct fetch *call;
    struct buf body;
    struct backoff backoff;
    struct host_cpu cpu;
    int64_t interval_ns, heard_ns; /* heard: when the last one was, monotonic */
    bool changed; /* something that full heartbeats carry; also before the first, after a failed one */
};

static void beat(void *arg);

struct heartbeat *heartbeat_new(void)
{
    struct heartbeat *h = mem_alloc(sizeof *h);
    h->interval_ns = 15 * NS_PER_S;
    h->changed = true;
    h->backoff = (struct backoff){ .first_ns = 500 * NS_PER_MS, .cap_ns = 15 * NS_PER_S };
    buf_init(&h->body, BODY_MAX);
    return h;
}

void heartbeat_free(struct heartbeat *h)
{
    if (!h)
        return;
    if (h->call)
        fetch_cancel(h->call);
    timer_free(h->timer);
    buf_done(&h->body);
    free(h);
}

void heartbeat_start(struct heartbeat *h, const struct heartbeat_conf *conf)
{
    h->conf = *conf;
    h->timer = timer_new(conf->loop, beat, h);
    timer_set(h->timer, 0);
}

void heartbeat_interval(void *arg, int64_t interval_ns)
{
    struct heartbeat *h = arg;
    if (interval_ns == h->interval_ns)
        return;
    h->interval_ns = interval_ns;
    /* Counted from the last one: a server that changes its mind all the time cannot silence us. */
    if (h->timer && !h->call && h->backoff.tries == 0 && !h->changed)
        timer_set(h->timer, h->heard_ns + interval_ns - clock_mono());
}

void heartbeat_changed(void *arg)
{
    struct heartbeat *h = arg;
    h->changed = true;
    if (h->timer && !h->call && h->backoff.tries == 0)
        timer_set(h->timer, 0);
}

/* --------------------------------------------------------------------------------- sections */

static void write_usage(struct heartbeat *h, struct jw *w)
{
    struct host_usage usage;
    host_usage_read(h->conf.state_dir, &h->cpu, &usage);
    jw_key(w, "resource_usage");
    jw_open(w, '{');
    jw_key(w, "cpu_percent");
    if (usage.cpu_percent < 0)
        jw_null(w);
    else
        jw_real(w, usage.cpu_percent);
    jw_kreal(w, "memory_percent", usage.memory_percent);
    jw_kint(w, "memory_bytes", (int64_t)usage.memory_bytes);
    jw_kreal(w, "disk_percent", usage.disk_percent);
    jw_kint(w, "disk_bytes", (int64_t)usage.disk_bytes);
    jw_close(w, '}');
}

static void write_spool(const struct heartbeat *h, struct jw *w)
{
    struct spool_stats all = { 0 }, one;
    for (unsigned i = 0; i < sizeof h->conf.outboxes / sizeof h->conf.outboxes[0]; i++) {
        outbox_stats(h->conf.outboxes[i], &one);
        all.records += one.records;
        all.bytes += one.bytes;
        all.dropped += one.dropped;
    }
    jw_key(w, "spool");
    jw_open(w, '{');
    jw_kint(w, "batches", (int64_t)all.records);
    jw_kint(w, "bytes", (int64_t)all.bytes);
    jw_kint(w, "dropped", (int64_t)all.dropped);
    jw_close(w, '}');
}

/** Names of components of @p kind that this host may use; @p allowed NULL: all. */
static void write_components(const struct heartbeat *h, struct jw *w, const char *kind, const char *allowed)
{
    jw_open(w, '[');
    for (size_t i = 0; i < registry_count(h->conf.registry); i++) {
        const struct component *c = registry_at(h->conf.registry, i);
        struct str rest = str_of(allowed), name;
        bool ok = !allowed;
        while (!ok && str_split(&rest, ',', &name))
            ok = str_eqz(str_trim(name), c->name);
        if (ok && str_eqz(str_of(c->kind), kind))
            jw_strz(w, c->name);
    }
    jw_close(w, ']');
}

static void write_capabilities(const struct heartbeat *h, struct jw *w)
{
    struct utsname name = { 0 };
    struct host_usage usage;
    struct host_cpu cpu = { 0 };
    uname(&name);
    host_usage_read(h->conf.state_dir, &cpu, &usage);
    jw_key(w, "capabilities");
    jw_open(w, '{');
    jw_key(w, "collectors");
    write_components(h, w, PHX_COLLECTOR, h->conf.allowed);
    jw_key(w, "loads");
    write_components(h, w, PHX_LOAD, h->conf.loads_allowed ? NULL : "");
    jw_kint(w, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    jw_kint(w, "memory_bytes", (int64_t)usage.memory_total);
    jw_kstr(w, "os", "linux");
    jw_kstr(w, "kernel", name.release);
    jw_kstr(w, "arch", name.machine);
    jw_close(w, '}');
}

/** "env=prod,tier=web" as an object; parts without '=' are left out. */
static void write_labels(const struct heartbeat *h, struct jw *w)
{
    struct str rest = str_of(h->conf.labels), part, key;
    jw_key(w, "labels");
    jw_open(w, '{');
    while (str_split(&rest, ',', &part)) {
        char name[64];
        struct str value = str_trim(part);
        if (!str_split(&value, '=', &key) || !value.p || key.n == 0 || !str_copy(name, sizeof name, key))
            continue;
        jw_key(w, name);
        jw_str(w, value);
    }
    jw_close(w, '}');
}

static void write_changes(const struct heartbeat *h, struct jw *w)
{
    char hostname[256] = "";
    gethostname(hostname, sizeof hostname - 1);
    jw_kstr(w, "hostname", hostname);
    write_capabilities(h, w);
    write_labels(h, w);
    jw_key(w, "pipelines");
    jw_open(w, '[');
    for (const struct collector *c = supervisor_first(h->conf.supervisor); c; c = collector_next(c))
        collector_write(c, w);
    jw_close(w, ']');
}

static void write_body(struct heartbeat *h)
{
    struct jw w;
    jw_init(&w, &h->body);
    jw_open(&w, '{');
    jw_kstr(&w, "host_id", h->conf.host_id);
    jw_kstr(&w, "agent_version", PACKAGE_VERSION);
    jw_kstr(&w, "status", supervisor_is_degraded(h->conf.supervisor) ? "degraded" : "healthy");
    jw_key(&w, "active_tasks");
    executor_write_active(h->conf.executor, &w);
    write_usage(h, &w);
    write_spool(h, &w);
    bool moved = loads_moved(h->conf.loads);
    if (h->changed)
        write_changes(h, &w);
    if (h->changed || moved) {
        jw_key(&w, "loads");
        loads_write(h->conf.loads, &w);
    }
    jw_close(&w, '}');
}

/* ---------------------------------------------------------------------------------- sending */

static void on_heard(void *arg, const struct fetch_reply *reply)
{
    struct heartbeat *h = arg;
    if (reply->rc == ERR_CANCELLED)
        return; /* h may be gone */
    h->call = NULL;
    buf_done(&h->body);
    buf_init(&h->body, BODY_MAX);
    if (uplink_judge(h->conf.uplink, reply) == UPLINK_OK) {
        backoff_reset(&h->backoff);
        h->heard_ns = clock_mono();
        timer_set(h->timer, h->changed ? 0 : h->interval_ns);
        return;
    }
    h->changed = true; /* after a failure everything is said again */
    timer_set(h->timer, backoff_asked(&h->backoff, reply->retry_after_ns, random_u64()));
}

static void beat(void *arg)
{
    struct heartbeat *h = arg;
    struct err err = { 0 };
    write_body(h);
    h->changed = false;
    struct uplink_call call = { .method = "POST",
                                .path = "/api/v1/agent/heartbeat",
                                .body = buf_str(&h->body) };
    h->call = uplink_start(h->conf.uplink, &call, on_heard, h, &err);
    if (h->call)
        return;
    h->changed = true;
    buf_reset(&h->body);
    timer_set(h->timer, backoff_next(&h->backoff, random_u64()));
}
