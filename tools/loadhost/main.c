/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-loadhost: load one load profile and run it, confined. Status lines go to stdout, for the
 * agent, whose wishes come on stdin; the log goes to stderr, for people. SIGTERM ends the load in
 * order. */
#include "config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/plugin/plugin.h"
#include "tools/loadhost/confine.h"
#include "tools/loadhost/run.h"
#include "tools/loadhost/world.h"

/* Limits of the rate: births of processes a second, and points a second. */
enum { MAX_DIRS = 8, STOP_GRACE_S = 5, MAX_BIRTHS = 5000, MAX_POINTS = 5000000 };

struct options {
    const char *profile, *parameters;
    char dir_text[4096];
    const char *dirs[MAX_DIRS + 1];
    int64_t duration_ns;
    uint64_t seed, max_rate, max_total, max_memory; /* max_rate 0: as the profile's kind has it */
    bool help, version;
};
static const char USAGE[] =
    "usage: phoenix-loadhost --profile NAME --duration 90s [--parameters JSON] [--seed N]\n"
    "                        [--plugin-dir DIR[,DIR]] [--max-rate N] [--max-total N] [--max-memory SIZE]\n"
    "  --parameters JSON  the profile's own; see `phoenix plugin describe NAME`\n"
    "  --seed N           same seed, same load (default: by chance)\n"
    "  --max-rate N       units a second, at most (births of processes: 5000; points: 5000000)\n"
    "  --max-total N      units in all, at most (0: no limit)\n"
    "  --max-memory SIZE  address space of each process (1GiB)\n"
    "  --help, --version\n"
    "Status lines go to standard output. A line on standard input changes the load while it runs:\n"
    "{\"adjust\":{\"factor\":2}} or {\"adjust\":{\"rate\":5000}}\n";

static bool set_dirs(struct options *o, const char *text)
{
    unsigned n = 0;
    if (!str_copy(o->dir_text, sizeof o->dir_text, str_of(text))) return false;
    for (char *p = o->dir_text, *next; p && n < MAX_DIRS; p = next) {
        next = strchr(p, ',');
        if (next) *next++ = 0;
        o->dirs[n++] = p;
    }
    return true;
}

static bool set_option(struct options *o, const char *name, const char *value)
{
    struct str v = str_of(value);
    if (!strcmp(name, "--profile")) return (o->profile = value) != NULL;
    if (!strcmp(name, "--parameters")) return (o->parameters = value) != NULL;
    if (!strcmp(name, "--plugin-dir")) return set_dirs(o, value);
    if (!strcmp(name, "--duration")) return parse_duration(v, &o->duration_ns) && o->duration_ns > 0;
    if (!strcmp(name, "--seed")) return parse_uint(v, &o->seed);
    if (!strcmp(name, "--max-rate")) return parse_uint(v, &o->max_rate) && o->max_rate > 0;
    if (!strcmp(name, "--max-total")) return parse_uint(v, &o->max_total);
    if (!strcmp(name, "--max-memory")) return parse_size(v, &o->max_memory);
    return false;
}

/* --name VALUE and --name=VALUE */
static int options_parse(struct options *o, char **argv, struct err *err)
{
    *o = (struct options){ .max_memory = UINT64_C(1) << 30, .seed = random_u64() };
    o->dirs[0] = PHX_PLUGINDIR;
    for (int i = 1; argv[i]; i++) {
        char name[32];
        const char *equals = strchr(argv[i], '=');
        struct str head = { argv[i], equals ? (size_t)(equals - argv[i]) : strlen(argv[i]) };
        o->help = !strcmp(argv[i], "--help");
        o->version = !strcmp(argv[i], "--version");
        if (o->help || o->version) return 0;
        const char *value = equals ? equals + 1 : argv[i + 1] ? argv[++i] : NULL;
        if (!value || !str_copy(name, sizeof name, head) || !set_option(o, name, value))
            return err_set(err, ERR_USAGE, "\"%.*s\" is unknown, or its value is not understood",
                           (int)head.n, head.p);
    }
    if (!o->profile || !o->duration_ns)
        return err_set(err, ERR_USAGE, "--profile and --duration are required");
    return 0;
}

/* ------------------------------------------------------------------------------------------ the run */

static void prepare(const struct options *o)
{
    int64_t seconds = o->duration_ns / NS_PER_S + 1;
    confine_self(&(struct confine_conf){ .max_memory = o->max_memory, .max_cpu_s = seconds + 60 });
    /* whatever a profile does: a while after its time SIGALRM ends this process, and its children with it */
    if (seconds < UINT32_MAX - STOP_GRACE_S) (void)alarm((unsigned)seconds + STOP_GRACE_S);
}

static struct run_status run(struct instance *instance, const struct options *o, struct world *world)
{
    const phx_load_ops *ops = instance_component(instance)->abi->ops;
    struct run_conf conf = {
        .ops = ops,
        .self = instance_self(instance),
        .duration_ns = o->duration_ns,
        .seed = o->seed,
        .max_rate = o->max_rate,
        .max_total = o->max_total,
    };
    if (!conf.max_rate) conf.max_rate = ops->flags & PHX_LOAD_SPAWNS ? MAX_BIRTHS : MAX_POINTS;
    struct run_env env = world_env(world);
    world_introduce(world, instance);
    return run_load(&conf, &env);
}

/* The profile as an instance with its parameters. */
static struct instance *open_profile(const struct options *o, struct registry *registry, struct err *err)
{
    const struct component *component = registry_find(registry, PHX_LOAD, o->profile, err);
    if (!component) return NULL;
    struct err wrong = { 0 };
    CLEANUP_JSON struct json *parameters =
        o->parameters ? json_parse(str_of(o->parameters), NULL, &wrong) : NULL;
    if (wrong.code) {
        err_set(err, ERR_USAGE, "--parameters: %s", wrong.msg);
        return NULL;
    }
    return instance_new(registry, component, parameters, 0, err);
}

/* The profile to its end, and what it left. */
static int host_instance(const struct options *o, struct world *world, struct instance *instance,
                         struct err *err)
{
    int rc = 0;
    prepare(o);
    struct run_status s = run(instance, o, world);
    (void)alarm(0);
    confine_end_descendants();
    if (s.state == RUN_FAILED)
        rc = s.reason ? err_set(err, ERR_LIMIT, "%s", s.reason) : instance_result(instance, s.failure, err);
    world_print(&s, s.state == RUN_FAILED ? err->msg : NULL);
    return rc;
}

static int host(const struct options *o, struct loop *loop, struct err *err)
{
    struct registry_conf conf = { .program = "phoenix-loadhost",
                                  .version = PACKAGE_VERSION,
                                  .dirs = o->dirs,
                                  .loop = loop };
    struct registry *registry =
        registry_new(&conf, err); /* before confine_self(): it forks to try each file */
    struct world *world = registry ? world_new(loop, err) : NULL;
    struct instance *instance = world ? open_profile(o, registry, err) : NULL;
    int rc = instance ? host_instance(o, world, instance, err) : err->code;
    if (!instance) world_print(&(struct run_status){ .state = RUN_FAILED, .rejected = -1, .failed = -1,
                                                     .late = -1, .rate = -1 }, err->msg);
    instance_free(instance);
    world_free(world);
    registry_free(registry);
    return rc;
}

int main(int argc, char **argv)
{
    struct options o;
    struct err err = { 0 };
    log_init("phoenix-loadhost", LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    int rc = options_parse(&o, argv, &err);
    if (!rc && o.help) return fputs(USAGE, stdout) < 0;
    if (!rc && o.version) return printf("phoenix-loadhost %s\n", PACKAGE_VERSION) < 0;
    if (rc) {
        fprintf(stderr, "phoenix-loadhost: %s\n%s", err.msg, USAGE);
        return 2;
    }
    struct loop *loop = loop_new(&err);
    rc = loop ? host(&o, loop, &err) : err.code;
    loop_free(loop);
    if (rc) log_error(EV_START_FAILED, NULL, &err, "profile \"%s\"", o.profile);
    return rc != 0;
}
