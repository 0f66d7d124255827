/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/experiment/lab.h"

#include <check.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/mem.h"
#include "phoenix/stat.h"

double noise_uniform(struct noise *n)
{
    n->state ^= n->state >> 12;
    n->state ^= n->state << 25;
    n->state ^= n->state >> 27;
    return ((double)((n->state * UINT64_C(2685821657736338717)) >> 11) + 0.5) / 9007199254740992.0;
}

double noise_normal(struct noise *n)
{
    return phx_norm_q(noise_uniform(n));
}

double noise_poisson(struct noise *n, double mean)
{
    double p = exp(-mean), k = -1;
    if (mean > 50) return fmax(0, floor(mean + sqrt(mean) * noise_normal(n) + 0.5));
    for (double u = 1; u > p; k++) u *= noise_uniform(n);
    return k;
}

void lab_init(struct lab *l, size_t cap)
{
    *l = (struct lab){ .cap = cap };
    l->samples = mem_calloc(cap + 1, sizeof *l->samples);
    l->values = mem_calloc(cap + 1, sizeof *l->values);
}

void lab_done(struct lab *l)
{
    free(l->samples);
    free(l->values);
}

double *lab_add(struct lab *l, const char *host, int arm, int64_t ts_ns)
{
    ck_assert_uint_lt(l->n, l->cap);
    double *v = l->values[l->n];
    for (int m = 0; m < MEASURE_COUNT; m++) v[m] = NAN;
    v[MEASURE_UP] = 1;
    l->samples[l->n++] = (struct sample){ .host_id = host, .arm = arm, .ts_ns = ts_ns, .v = v };
    return v;
}

static phx_status pass_on(phx_self *self, const phx_kpi_window *w, const phx_kpi_out *out)
{
    (void)self;
    for (uint64_t i = 0; i < w->n; i++) {
        phx_status st = out->cell(out, i, w->in[0][i], 1);
        if (st != PHX_OK) return st;
    }
    return PHX_OK;
}

const phx_kpi_ops *lab_kpi(enum measure m, uint32_t reduce, uint32_t estimand)
{
    static struct {
        phx_kpi_input input;
        const phx_kpi_input *list[2];
        phx_kpi_ops ops;
    } made[MEASURE_COUNT][5][5];
    __typeof__(made[0][0][0]) *k = &made[m][reduce][estimand];
    k->input =
        (phx_kpi_input){ .size = sizeof k->input, .reduce = reduce, .name = measure_name(m), .unit = "1" };
    k->list[0] = &k->input;
    k->ops = (phx_kpi_ops){ .size = sizeof k->ops,
                            .estimand = estimand,
                            .better = PHX_LOWER_IS_BETTER,
                            .unit = "1",
                            .inputs = k->list,
                            .cells = pass_on };
    return &k->ops;
}

const phx_component *lab_plugin(const char *name)
{
    char path[512];
    const char *top = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/.libs/kpi_%s.so", top ? top : ".", name);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const phx_plugin *p = so ? dlsym(so, "phoenix_plugin_v1") : NULL;
    return p ? p->components[0] : NULL;
}

size_t lab_plugins(struct kpi_def *ret, size_t max)
{
    static const char *const names[] = { "cardinality", "ingest_rate", "collector_cpu", "collector_memory",
                                         "critical_processes" };
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && n < max; i++) {
        const phx_component *c = lab_plugin(names[i]);
        ck_assert_msg(c != NULL, "no %s: %s", names[i], dlerror());
        ret[n++] = (struct kpi_def){ .name = c->name, .ops = c->ops };
    }
    return n;
}

struct analysis_spec lab_spec(const char *json, const struct spec_facts *facts)
{
    struct err err = { 0 };
    struct faults faults = { 0 };
    struct analysis_spec spec = { 0 };
    struct json *doc CLEANUP_JSON = json_parse(str_of(json), NULL, &err);
    ck_assert_msg(doc != NULL, "%s", err.msg);
    ck_assert_msg(analysis_spec_parse(doc, facts, &spec, &faults), "%s: %s", faults.at[0].pointer,
                  faults.at[0].msg);
    return spec;
}

const struct json *lab_path(const struct json *j, const char *path)
{
    struct str rest = str_of(path), part;
    while (j && str_split(&rest, '.', &part)) {
        char key[64];
        int64_t i;
        str_copy(key, sizeof key, part);
        j = parse_int(part, &i) ? json_at(j, (size_t)i) : json_get(j, key);
    }
    return j;
}

double lab_real(const struct json *j, const char *path)
{
    return json_real(lab_path(j, path), NAN);
}

const char *lab_str(const struct json *j, const char *path)
{
    return json_str(lab_path(j, path), "");
}
