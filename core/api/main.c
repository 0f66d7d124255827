/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phoenix-api. Start: settings, log, plugins, store, what the agents did before, the parts, the listener.
 * End, on SIGTERM or SIGINT: the listener closes, parked polls are answered, requests in flight finish,
 * what is in memory is written, the store closes, the parts are freed. A second signal ends at once.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include "config.h"
#include "core/api/admission.h"
#include "core/api/agents.h"
#include "core/api/ingest.h"
#include "core/api/lease.h"
#include "core/api/loads.h"
#include "core/api/pipelines.h"
#include "core/api/retention.h"
#include "core/api/routes.h"
#include "core/api/scheduler.h"
#include "core/api/taskq.h"
#include "core/api/waiters.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define DRAIN_TICK_NS (5 * NS_PER_MS)
#define DRAIN_MAX_NS (10 * NS_PER_S)
#define IDLE_TIMEOUT_NS (75 * NS_PER_S) /* longer than the longest wait of a poll */

static const struct part {
    const char *name;
    int (*start)(struct api *api, struct err *err);
    void (*stop)(struct api *api);
} parts[] = {
#define PART(name) { #name, name##_start, name##_stop },
#include "core/api/parts.def"
};
enum { N_PARTS = sizeof parts / sizeof parts[0] };

struct process {
    struct api api;
    struct arena *arena;
    size_t n_started; /* parts */
    struct timer *drain;
    int64_t drain_until;
    int signals;
    int status; /* of exit */
};

/* ---- the end */

static void on_store_closed(void *arg)
{
    struct process *p = arg;
    p->api.store = NULL;
    while (p->n_started > 0) {
        parts[--p->n_started].stop(&p->api);
    }
    if (p->api.http) {
        http_server_free(p->api.http);
        p->api.http = NULL;
    }
    log_event(EV_STOPPED, NULL, "the store is closed");
    loop_stop(p->api.loop);
}

/* The start went wrong: back out of what has begun. */
static void process_fail(struct process *p, const struct err *err, const char *what)
{
    log_error(EV_START_FAILED, NULL, err, "%s", what);
    p->status = EXIT_FAILURE;
    p->api.draining = true;
    if (p->api.store) {
        store_close(p->api.store, on_store_closed, p);
    } else {
        loop_stop(p->api.loop);
    }
}

static void on_drain_tick(void *arg)
{
    struct process *p = arg;
    if (http_server_pending(p->api.http) > 0 && clock_mono() < p->drain_until) {
        timer_set(p->drain, DRAIN_TICK_NS);
        return;
    }
    agents_flush(&p->api);
    loads_flush(&p->api);
    store_close(p->api.store, on_store_closed, p);
}

static void on_signal(void *arg)
{
    struct process *p = arg;
    if (p->signals++ > 0) {
        _exit(EXIT_FAILURE);
    }
    p->api.draining = true;
    if (!p->api.http) {
        log_event(EV_STOPPING, NULL, "before the start was complete");
        _exit(EXIT_FAILURE); /* nothing has been accepted */
    }
    log_event(EV_STOPPING, NULL, "%zu requests wait", http_server_pending(p->api.http));
    http_server_drain(p->api.http);
    waiters_drain(&p->api);
    leases_release(&p->api);
    scheduler_drain(&p->api);
    p->drain_until = clock_mono() + DRAIN_MAX_NS;
    timer_set(p->drain, DRAIN_TICK_NS);
}

/* ---- the start */

static bool is_loopback(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* "127.0.0.1:8080", "[::1]:8080" */
static int listen_parse(struct arena *a, const char *text, struct http_conf *ret, struct err *err)
{
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    struct str address = { text, colon ? (size_t)(colon - text) : 0 };
    if (address.n > 2 && address.p[0] == '[' && address.p[address.n - 1] == ']') {
        address = (struct str){ address.p + 1, address.n - 2 };
    }
    if (!colon || !address.n || !parse_int(str_of(colon + 1), &port) || port < 0 || port > 65535) {
        return err_set(err, ERR_CONFIG, "listen is \"%s\", not ADDRESS:PORT", text);
    }
    ret->address = arena_strndup(a, address);
    ret->port = (uint16_t)port;
    return 0;
}

static int listen_start(struct process *p, struct err *err)
{
    struct api *api = &p->api;
    const struct settings *s = api->settings;
    struct http_conf conf = {
        .max_body = (size_t)s->api_max_body,
        .max_bodies = (size_t)s->api_max_bodies,
        .admit = admission_admit,
        .request_timeout_ns = s->api_request_timeout,
        .idle_timeout_ns = IDLE_TIMEOUT_NS,
        .max_connections = (unsigned)s->api_max_connections,
        .server_name = "phoenix-api/" PACKAGE_VERSION,
    };
    int rc = listen_parse(p->arena, s->listen, &conf, err);
    if (rc) {
        return rc;
    }
    api->http = http_server_new(api->loop, &conf, routes, routes_count(), api, err);
    if (!api->http) {
        return err->code;
    }
    bool v6 = strchr(conf.address, ':') != NULL;
    log_event(EV_STARTED, NULL, "phoenix-api " PACKAGE_VERSION " listens on http://%s%s%s:%u", v6 ? "[" : "",
              conf.address, v6 ? "]" : "", http_server_port(api->http));
    return 0;
}

static void on_agents_loaded(void *arg)
{
    struct process *p = arg;
    struct err err = { 0 };
    if (p->api.draining) {
        return;
    }
    for (; p->n_started < N_PARTS; p->n_started++) {
        if (parts[p->n_started].start(&p->api, &err)) {
            process_fail(p, &err, parts[p->n_started].name);
            return;
        }
    }
    if (listen_start(p, &err)) {
        process_fail(p, &err, "cannot listen");
    }
}

static void on_store_open(void *arg, const struct err *err)
{
    struct process *p = arg;
    if (err) {
        p->api.store = NULL;
        process_fail(p, err, "cannot open the store");
        return;
    }
    agents_load(&p->api, on_agents_loaded, p);
}

static const char *const *plugin_dirs(struct process *p)
{
    enum { DIRS_MAX = 16 };
    const char **dirs = arena_calloc(p->arena, DIRS_MAX + 1, sizeof *dirs);
    struct str rest = str_of(p->api.settings->plugin_dir), dir;
    size_t n = 0;
    while (n < DIRS_MAX && str_split(&rest, ',', &dir)) {
        dir = str_trim(dir);
        if (dir.n) {
            dirs[n++] = arena_strndup(p->arena, dir);
        }
    }
    if (n == 0) {
        dirs[0] = PHX_PLUGINDIR;
    }
    return dirs;
}

/* The driver's own table of the settings file; where the store is are settings of their own. */
static int store_start(struct process *p, struct err *err)
{
    struct api *api = &p->api;
    const char *driver = api->settings->store;
    const struct json *given = json_get(api->settings->plugins, driver);
    CLEANUP_JSON struct json *conf = given ? json_copy(given) : json_object();
    if (strcmp(driver, "sqlite") == 0 && !json_get(conf, "path")) {
        json_set_str(conf, "path", api->settings->sqlite_path);
    } else if (strcmp(driver, "pg") == 0 && !json_get(conf, "conninfo")) {
        json_set_str(conf, "conninfo", api->settings->pg_conninfo);
    }
    api->store = store_open(api->registry, driver, conf, api->loop, on_store_open, p, err);
    return api->store ? 0 : err->code;
}

static int refuse_settings(const struct settings *s, struct arena *a, struct err *err)
{
    struct http_conf conf;
    if (s->feature_k8s_mode) {
        return err_set(
            err, ERR_CONFIG,
            "feature.k8s_mode is true, but this Phoenix runs without Kubernetes operators: remove it");
    }
    if (!s->feature_lean_agents) {
        return err_set(err, ERR_CONFIG,
                       "feature.lean_agents is false, but agents are all there is: remove it");
    }
    int rc = listen_parse(a, s->listen, &conf, err);
    if (rc == 0 && !is_loopback(conf.address) && !s->listen_insecure) {
        rc = err_set(err, ERR_CONFIG,
                     "listen is \"%s\", which others can reach, and the API has no credentials yet",
                     s->listen);
        err_remedy(err, "listen on 127.0.0.1, or set listen.insecure");
    }
    return rc;
}

static int process_start(struct process *p, struct err *err)
{
    struct api *api = &p->api;
    int rc = refuse_settings(api->settings, p->arena, err);
    if (rc) {
        return rc;
    }
    api->loop = loop_new(err);
    if (!api->loop) {
        return err->code;
    }
    api->started_ns = clock_wall();
    p->drain = timer_new(api->loop, on_drain_tick, p);
    if ((rc = loop_on_signal(api->loop, SIGTERM, on_signal, p, err)) != 0 ||
        (rc = loop_on_signal(api->loop, SIGINT, on_signal, p, err)) != 0) {
        return rc;
    }
    struct registry_conf conf = {
        .program = "phoenix-api", .version = PACKAGE_VERSION, .dirs = plugin_dirs(p), .loop = api->loop
    };
    api->registry = registry_new(&conf, err);
    return api->registry ? store_start(p, err) : err->code;
}

static int process_run(struct process *p)
{
    struct err err = { 0 };
    if (process_start(p, &err)) {
        log_error(EV_START_FAILED, NULL, &err, "phoenix-api");
        p->status = EXIT_FAILURE;
    } else if (loop_run(p->api.loop, &err)) {
        log_error(EV_START_FAILED, NULL, &err, "the event loop ended");
        p->status = EXIT_FAILURE;
    }
    timer_free(p->drain);
    if (p->api.loop) {
        loop_free(p->api.loop); /* runs what was put off, such as the end of instances */
        registry_free(p->api.registry);
    }
    return p->status;
}

static bool dumped(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--dump") == 0 && routes_dump(argv[i + 1], stdout)) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    struct process process = { 0 };
    struct settings *settings = NULL;
    enum settings_action action;
    enum log_level level = LOG_LEVEL_INFO;
    struct err err = { 0 };
    if (dumped(argc, argv)) {
        return EXIT_SUCCESS;
    }
    if (settings_load(PROGRAM_API, argc, argv, environ, &settings, &action, &err)) {
        log_init("phoenix-api", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
        log_error(EV_START_FAILED, NULL, &err, "settings");
        return err_info(err.code)->exit_code;
    }
    if (action == SETTINGS_EXIT) {
        settings_free(settings);
        return EXIT_SUCCESS;
    }
    log_parse_level(str_of(settings->log_level), &level);
    log_init("phoenix-api", level,
             strcmp(settings->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
    process.api.settings = settings;
    process.arena = arena_new();
    int status = process_run(&process);
    arena_free(process.arena);
    settings_free(settings);
    return status;
}
