/* SPDX-License-Identifier: Apache-2.0 */
/* decode_bench: the two hot bodies, scanned as phoenix-api does it: a batch of samples as an agent sends it
 * after some time away (250 ticks of two arms), and a short heartbeat. CPU time, best of five. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "core/api/heartbeat.h"
#include "core/api/samples_scan.h"
#include "core/base/clock.h"
#include "core/base/json.h"

enum { TICKS = 250, ROUNDS = 5, BATCHES = 200, HEARTBEATS = 200000 };

static const char *const measures[] = {
#define MEASURE(id, name, unit, help) name,
#include "core/tables/measures.def"
};
enum { MEASURES = sizeof measures / sizeof measures[0] };

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Values as collectors have them: counters of many digits, gauges with a fraction, small whole numbers. */
static double value_of(unsigned measure, unsigned tick)
{
    switch (measure % 4) {
    case 0: return 123456789.0 + tick * 4096.0;
    case 1: return 41.0 + tick % 7;
    case 2: return 0.0123456 * (tick + 1);
    default: return 9.87e6 + measure * 1000.5 + tick;
    }
}

static void batch_write(struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    jw_kstr(&w, "stream", "0191f0c4-7a3b-7000-8000-000000000002");
    jw_kint(&w, "seq", 4711);
    jw_key(&w, "measures");
    jw_open(&w, '[');
    for (unsigned m = 0; m < MEASURES; m++)
        jw_str(&w, str_of(measures[m]));
    jw_close(&w, ']');
    jw_key(&w, "samples");
    jw_open(&w, '[');
    for (unsigned i = 0; i < 2 * TICKS; i++) {
        jw_open(&w, '{');
        jw_kstr(&w, "experiment_id", "0191f0c4-7a3b-7000-8000-000000000001");
        jw_kstr(&w, "variant", i % 2 ? "candidate" : "baseline");
        jw_kint(&w, "ts", clock_wall() - (int64_t)(2 * TICKS - i) * NS_PER_S);
        jw_key(&w, "values");
        jw_open(&w, '[');
        for (unsigned m = 0; m < MEASURES; m++)
            jw_real(&w, value_of(m, i));
        jw_close(&w, ']');
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
}

static void on_sample(void *arg, const struct samples_batch *batch, const struct sample *sample)
{
    size_t *n = arg;
    for (unsigned m = 0; m < batch->n_measures; m++)
        *n += sample->has[m];
}

static void bench_samples(void)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, 1 << 20);
    batch_write(&text);
    double best = 0, bytes = 0;
    for (int round = 0; round < ROUNDS; round++) {
        size_t n = 0;
        double start = cpu_seconds();
        for (int i = 0; i < BATCHES; i++) {
            static struct faults faults;
            struct samples_batch batch;
            struct err err = { 0 };
            if (samples_scan(buf_str(&text), on_sample, &n, &batch, &faults, &err) != 0) {
                fprintf(stderr, "decode_bench: %s %s\n", err.msg, faults.n ? faults.at[0].msg : "");
                exit(1);
            }
        }
        double took = cpu_seconds() - start;
        if (n != (size_t)BATCHES * 2 * TICKS * MEASURES) {
            fprintf(stderr, "decode_bench: %zu points\n", n);
            exit(1);
        }
        if ((double)n / took > best) {
            best = (double)n / took;
            bytes = (double)text.len * BATCHES / took;
        }
    }
    printf("24:points_decoded %.0f 1/cpu-s 1500000 %s\n", best, best >= 1500000 ? "ok" : "short");
    printf("samples_decoded %.0f MB/cpu-s 0 ok\n", bytes / 1e6);
}

static void bench_heartbeats(void)
{
    const struct str text = STR("{\"host_id\":\"bench-1\",\"agent_version\":\"0.1.0\",\"status\":\"healthy\","
                                "\"active_tasks\":[],\"resource_usage\":{\"cpu_percent\":3.1,"
                                "\"memory_percent\":40.2,"
                                "\"memory_bytes\":123456789,\"disk_percent\":50.0,\"disk_bytes\":123456789},"
                                "\"spool\":{\"batches\":0,\"bytes\":0,\"dropped\":0}}");
    static struct heartbeat h;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds();
        for (int i = 0; i < HEARTBEATS; i++)
            if (!heartbeat_scan(text, &h))
                exit(1);
        double rate = HEARTBEATS / (cpu_seconds() - start);
        best = rate > best ? rate : best;
    }
    printf("heartbeats_decoded %.0f 1/cpu-s 0 ok\n", best);
}

int main(void)
{
    bench_samples();
    bench_heartbeats();
    return 0;
}
