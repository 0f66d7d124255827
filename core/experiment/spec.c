/* SPDX-License-Identifier: Apache-2.0 */
/* The config document of an experiment, decoded once; everything after works on the struct. */
#include "core/experiment/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const arm_names[ARM_COUNT] = { "baseline", "candidate" };

const char *arm_name(enum arm arm)
{
    return arm_names[arm];
}

bool arm_parse(const char *name, enum arm *ret)
{
    for (int i = 0; i < ARM_COUNT; i++)
        if (strcmp(name, arm_names[i]) == 0) {
            *ret = (enum arm)i;
            return true;
        }
    return false;
}

/* A reference is a name, or an object with name and parameters. */
static struct spec_ref decode_ref(const struct json *j)
{
    if (json_is(j, JSON_STRING)) return (struct spec_ref){ .name = json_str(j, NULL) };
    return (struct spec_ref){ .name = json_get_str(j, "name", NULL), .params = json_get(j, "parameters") };
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Hosts in the order of their names: tasks and sums come out the same whatever the order given. */
static void decode_hosts(const struct json *list, const char *at, struct arena *arena, struct spec *ret,
                         struct faults *faults)
{
    ret->n_hosts = json_len(list);
    ret->hosts = arena_calloc(arena, ret->n_hosts + 1, sizeof *ret->hosts);
    for (size_t i = 0; i < ret->n_hosts; i++) ret->hosts[i] = json_str(json_at(list, i), "");
    qsort(ret->hosts, ret->n_hosts, sizeof *ret->hosts, by_name);
    char pointer[96];
    snprintf(pointer, sizeof pointer, "%s/target_hosts", at);
    for (size_t i = 1; i < ret->n_hosts; i++)
        if (strcmp(ret->hosts[i - 1], ret->hosts[i]) == 0)
            fault_add(faults, pointer, "host \"%s\" is listed twice", ret->hosts[i]);
}

/* Small fleets need every host; larger ones may lose one in five. */
static size_t default_min_hosts(size_t n)
{
    return n < 5 ? n : (n * 4 + 4) / 5;
}

bool spec_decode(const struct json *config, const char *at, struct arena *arena, struct spec *ret,
                 struct faults *faults)
{
    unsigned before = faults->n;
    char pointer[96];
    *ret = (struct spec){
        .collector = json_get_str(config, "collector", "native"),
        .template = { decode_ref(json_get(config, "baseline_template")),
                      decode_ref(json_get(config, "candidate_template")) },
        .critical = json_get(config, "critical_processes"),
        .analysis = json_get(config, "analysis"),
        .keeps_nothing = strcmp(json_get_str(config, "rollback_to", "baseline"), "nothing") == 0,
        .duration_ns = json_get_duration(config, "duration", 0),
        .warmup_ns = json_get_duration(config, "warmup_duration", 0),
        .deploy_timeout_ns = json_get_duration(config, "deploy_timeout", 0),
        .hold_ns = json_get_duration(config, "hold", 0),
        .host_lost_ns = json_get_duration(config, "host_lost_after", 0),
        .sample_interval_ns = json_get_duration(config, "sample_interval", 0),
    };
    if (json_get(config, "load_profile")) ret->load = decode_ref(json_get(config, "load_profile"));
    decode_hosts(json_get(config, "target_hosts"), at, arena, ret, faults);
    ret->min_hosts = (size_t)json_get_int(config, "min_hosts", (int64_t)default_min_hosts(ret->n_hosts));
    if (ret->min_hosts > ret->n_hosts) {
        snprintf(pointer, sizeof pointer, "%s/min_hosts", at);
        fault_add(faults, pointer, "more than the %zu target hosts", ret->n_hosts);
    }
    if (ret->sample_interval_ns > 0 && ret->duration_ns < 4 * ret->sample_interval_ns) {
        snprintf(pointer, sizeof pointer, "%s/duration", at);
        fault_add(faults, pointer, "shorter than four sample intervals: nothing could be computed from it");
    }
    return faults->n == before;
}
