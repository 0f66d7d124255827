/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-loadhost: load one load profile and run it, confined. Status lines go to stdout, for the
 * agent; the log goes to stderr, for people. SIGTERM ends the load in order. */
#include "config.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/plugin/plugin.h"
#include "tools/loadhost/confine.h"
#include "tools/loadhost/run.h"

enum { MAX_DIRS = 8, STOP_GRACE_S = 5, DEFAULT_MAX_RATE = 5000 };

struct options {
    const char *profile, *parameters;
    char dir_text[4096];
    const char *dirs[MAX_DIRS + 1];
    int64_t duration_ns;
    uint64_t seed, max_rate, max_total, max_memory;
    bool help, version;
};
static const char USAGE[] =
    "usage: phoenix-loadhost --profile NAME --duration 90s [--parameters JSON] [--seed N]\n"
    "                        [--plugin-dir DIR[,DIR]] [--max-rate N] [--max-total N] [--max-memory SIZE]\n"
    "  --parameters JSON  the profile's own; see `phoenix plugin describe NAME`\n"
    "  --seed N           same seed, same load (default: by chance)\n"
    "  --max-rate N       units (here: births of processes) a second, at most (5000)\n"
    "  --max-total N      units in all, at most (0: no limit)\n"
    "  --max-memory SIZE  address space of each process (1GiB)\n"
    "  --help, --version\n";

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
    *o = (struct options){ .max_rate = DEFAULT_MAX_RATE,
                           .max_memory = UINT64_C(1) << 30,
                           .seed = random_u64() };
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

/* -------------------------------------------------------------------------------- the world outside */

static int64_t now(void *arg)
{
    struct timespec ts = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Both signals are blocked but here: none is lost between looking and sleeping. The end of a child
 * only wakes the profile, which collects it. */
static bool wait_until(void *arg, int64_t until_ns)
{
    const sigset_t *signals = arg;
    int64_t left = until_ns - now(NULL);
    if (left < 0) left = 0;
    struct timespec ts = { .tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S };
    int signo = sigtimedwait(signals, NULL, &ts);
    return signo == SIGTERM || signo == SIGINT;
}

static void print_status(const struct run_status *s, const char *reason)
{
    CLEANUP_BUF struct buf line;
    buf_init(&line, 4096);
    struct jw w;
    jw_init(&w, &line);
    jw_open(&w, '{');
    jw_kstr(&w, "state", run_state_name(s->state));
    jw_key(&w, "offered");
    jw_uint(&w, s->offered);
    jw_key(&w, "delivered");
    jw_uint(&w, s->delivered);
    jw_kint(&w, "elapsed_ms", s->elapsed_ns / NS_PER_MS);
    if (reason) jw_kstr(&w, "reason", reason);
    jw_close(&w, '}');
    buf_addc(&line, '\n');
    if (write(STDOUT_FILENO, line.data, line.len) < 0 && errno != EPIPE)
        log_event(EV_PLUGIN_WARN, NULL, "could not write a status line: %s", strerror(errno));
}

static void report(void *arg, const struct run_status *s)
{
    print_status(s, NULL);
}

/* ------------------------------------------------------------------------------------------ the run */

static void prepare(const struct options *o, sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    sigaddset(ret_signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, ret_signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int64_t seconds = o->duration_ns / NS_PER_S + 1;
    confine_self(&(struct confine_conf){ .max_memory = o->max_memory, .max_cpu_s = seconds + 60 });
    /* whatever a profile does: a while after its time SIGALRM ends this process, and its children with it */
    if (seconds < UINT32_MAX - STOP_GRACE_S) (void)alarm((unsigned)seconds + STOP_GRACE_S);
}

static struct run_status run(struct instance *instance, const struct options *o, const sigset_t *signals)
{
    struct run_conf conf = {
        .ops = instance_component(instance)->abi->ops,
        .self = instance_self(instance),
        .duration_ns = o->duration_ns,
        .seed = o->seed,
        .max_rate = o->max_rate,
        .max_total = o->max_total,
    };
    struct run_env env = {
        .now = now, .wait = wait_until, .report = report, .arg = (void *)(uintptr_t)signals
    };
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

static int host(const struct options *o, struct err *err)
{
    struct registry_conf conf = { .program = "phoenix-loadhost",
                                  .version = PACKAGE_VERSION,
                                  .dirs = o->dirs };
    struct registry *registry =
        registry_new(&conf, err); /* before confine_self(): it forks to try each file */
    if (!registry) return err->code;
    struct instance *instance = open_profile(o, registry, err);
    int rc = instance ? 0 : err->code;
    if (instance) {
        sigset_t signals;
        prepare(o, &signals);
        struct run_status s = run(instance, o, &signals);
        (void)alarm(0);
        confine_end_descendants();
        if (s.state == RUN_FAILED)
            rc = s.reason ? err_set(err, ERR_LIMIT, "%s", s.reason)
                          : instance_result(instance, s.failure, err);
        print_status(&s, s.state == RUN_FAILED ? err->msg : NULL);
    } else print_status(&(struct run_status){ .state = RUN_FAILED }, err->msg);
    instance_free(instance);
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
    rc = host(&o, &err);
    if (rc) log_error(EV_START_FAILED, NULL, &err, "profile \"%s\"", o.profile);
    return rc != 0;
}
