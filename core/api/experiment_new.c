/* SPDX-License-Identifier: Apache-2.0 */
/* What is right is kept with all its defaults: a later release that has others changes nothing. */
#include "core/api/experiment_new.h"

#include <stdio.h>

#include "core/api/loads.h"
#include "core/api/scheduler_priv.h"
#include "core/api/templates.h"
#include "core/base/clock.h"

static void free_tree(void *j)
{
    json_free(j);
}

static void add_all(struct faults *faults, const struct faults *own)
{
    for (unsigned i = 0; i < own->n && i < FAULTS_MAX; i++)
        fault_add(faults, own->at[i].pointer, "%s", own->at[i].msg);
}

static void check_template(struct api *api, const struct spec *spec, enum arm arm, const char *pointer,
                           struct faults *faults)
{
    struct rendered r = { 0 };
    struct faults own;
    struct err err = { 0 };
    char at[64];
    snprintf(at, sizeof at, "%s/%s_template", pointer, arm_name(arm));
    struct render_ask ask = { .collector = spec->collector, .name = spec->template[arm].name,
                              .parameters = spec->template[arm].params, .pointer = at };
    int rc = template_render(api, &ask, &r, &own, &err);
    rendered_done(&r);
    if (rc == ERR_INVALID) add_all(faults, &own);
    else if (rc != 0) fault_add(faults, at, "%s", err.msg);
}

/* The analysis section with its defaults filled in, as it is stored; NULL: faults were added. Caller
 * frees. */
static struct json *check_analysis(struct api *api, const struct spec *spec, const char *pointer,
                                   struct faults *faults)
{
    struct analysis_spec whole;
    struct faults own = { 0 };
    char at[64];
    snprintf(at, sizeof at, "%s/analysis", pointer);
    struct spec_facts facts = { .pointer = at,
                                .sample_interval_ns = looks_sample_interval(api->scheduler->looks, spec),
                                .duration_ns = spec->duration_ns,
                                .n_hosts = spec->n_hosts,
                                .n_critical = json_len(spec->critical) };
    facts.kpis = looks_kpis(api->scheduler->looks, &facts.n_kpis);
    if (analysis_spec_parse(spec->analysis, &facts, &whole, &own)) return analysis_spec_json(&whole);
    add_all(faults, &own);
    return NULL;
}

/* The config with all its defaults, in the arena; NULL: faults were added. */
static struct json *check(struct api *api, const struct experiment_ask *ask, struct arena *arena,
                          struct faults *faults)
{
    struct spec spec;
    char at[64];
    if (!spec_decode(ask->config, ask->pointer, arena, &spec, faults)) return NULL;
    for (int a = 0; a < ARM_COUNT; a++) check_template(api, &spec, (enum arm)a, ask->pointer, faults);
    snprintf(at, sizeof at, "%s/load_profile", ask->pointer);
    if (spec.load.name) load_check(api, &spec.load, at, faults);
    struct json *config = json_copy(ask->config);
    arena_on_free(arena, free_tree, config);
    json_set(config, "analysis", check_analysis(api, &spec, ask->pointer, faults));
    return faults->n == 0 ? config : NULL;
}

bool experiment_new(struct api *api, const struct experiment_ask *ask, struct arena *arena,
                    struct exp_doc *ret, struct faults *faults)
{
    struct json *config = check(api, ask, arena, faults);
    if (!config) return false;
    *ret = (struct exp_doc){ .name = ask->name, .phase = PHASE_CREATED, .spec = json_object(),
                             .state = json_object(), .created_ns = clock_wall() };
    ret->updated_ns = ret->created_ns;
    arena_on_free(arena, free_tree, ret->spec);
    arena_on_free(arena, free_tree, ret->state);
    uuid7_new(ret->id);
    json_set_str(ret->spec, "description", ask->description);
    json_set(ret->spec, "config", json_ref(config));
    json_set(ret->spec, "metadata", json_copy(ask->metadata));
    return true;
}

struct query *experiment_new_batch(struct api *api, const struct exp_doc *doc)
{
    struct query *batch = q_batch(api->store);
    q_add(batch, exp_doc_put(api->store, doc));
    q_add(batch, exp_event(api->store, doc->id, doc->created_ns, "created", NULL, phase_name(doc->phase),
                           "user", "created"));
    return batch;
}
