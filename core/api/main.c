/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phoenix-api, alone or as a worker; the parent of workers is workers.c. Start: settings, log, plugins,
 * store, what the agents did before, the parts, the listener. End, on SIGTERM, SIGINT or the end of the
 * lifeline: no more is accepted, parked polls are answered, requests in flight finish, what is in memory is
 * written, the store closes, the parts are freed. A second signal ends at once.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "config.h"
#include "core/api/admission.h"
#include "core/api/censuses.h"
#include "core/api/agents.h"
#include "core/api/ingest.h"
#include "core/api/lease.h"
#include "core/api/listen.h"
#include "core/api/loads.h"
#include "core/api/peers.h"
#include "core/api/pipelines.h"
#include "core/api/retention.h"
#include "core/api/routes.h"
#include "core/api/scheduler.h"
#include "core/api/taskq.h"
#include "core/api/waiters.h"
#include "core/api/workers.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

#define DRAIN_TICK_NS (5 * NS_PER_MS)
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
    struct handed handed;
    struct watch *lifeline;
    struct http_server *admin; /* NULL: none */
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
    http_server_free(p->admin);
    http_server_free(p->api.http);
    p->admin = p->api.http = NULL;
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
    size_t pending = http_server_pending(p->api.http) + (p->admin ? http_server_pending(p->admin) : 0);
    loads_flush(&p->api);
    pending += loads_unsaved(&p->api);
    if (pending > 0 && clock_mono() < p->drain_until) {
        timer_set(p->drain, DRAIN_TICK_NS);
        return;
    }
    agents_flush(&p->api);
    taskq_flush(&p->api);
    store_close(p->api.store, on_store_closed, p);
}

/* @p is_last: nobody goes on with the listening socket. */
static void process_drain(struct process *p, bool is_last)
{
    struct api *api = &p->api;
    if (p->signals++ > 0) {
        _exit(EXIT_FAILURE);
    }
    api->draining = true;
    if (!api->http) {
        log_event(EV_STOPPING, NULL, "before the start was complete");
        _exit(EXIT_FAILURE); /* nothing has been accepted */
    }
    log_event(EV_STOPPING, NULL, "%zu requests wait", http_server_pending(api->http));
    http_server_drain(api->http, is_last);
    if (p->admin) {
        http_server_drain(p->admin, is_last);
    }
    waiters_drain(api);
    leases_release(api);
    scheduler_drain(api);
    p->drain_until = clock_mono() + api->settings->drain_time;
    timer_set(p->drain, DRAIN_TICK_NS);
}

static void on_signal(void *arg)
{
    process_drain(arg, false);
}

/* The parent has ended, or wants all to end. */
static void on_lifeline(void *arg, int fd, unsigned what)
{
    struct process *p = arg;
    watch_set(p->lifeline, 0);
    if (p->signals == 0) {
        process_drain(p, true);
    }
}

/* ---- the start */

static struct http_server *server_new(struct process *p, const struct endpoint *e, int fd,
                                      unsigned connections, struct err *err)
{
    const struct settings *s = p->api.settings;
    struct http_conf conf = {
        .address = e->address,
        .port = e->port,
        .listen_fd = fd,
        .max_body = (size_t)s->api_max_body,
        .max_bodies = (size_t)s->api_max_bodies,
        .admit = admission_admit,
        .request_timeout_ns = s->api_request_timeout,
        .idle_timeout_ns = IDLE_TIMEOUT_NS,
        .max_connections = connections,
        .server_name = "phoenix-api/" PACKAGE_VERSION,
    };
    return http_server_new(p->api.loop, &conf, routes, routes_count(), &p->api, err);
}

static int listen_admin(struct process *p, struct err *err)
{
    const struct settings *s = p->api.settings;
    char url[ENDPOINT_URL_MAX];
    struct endpoint e;
    bool is_worker = p->handed.worker >= 0;
    if (is_worker ? !p->handed.admin_fd : !s->admin_listen[0]) {
        return 0;
    }
    int rc = is_worker ? endpoint_of(p->handed.admin_fd, &e, err)
                       : endpoint_parse("admin.listen", s->admin_listen, &e, err);
    if (rc) {
        return rc;
    }
    unsigned connections = listen_connections_admin((unsigned)s->api_max_connections);
    p->admin = server_new(p, &e, p->handed.admin_fd, connections, err);
    if (!p->admin) {
        return err->code;
    }
    e.port = http_server_port(p->admin);
    log_event(EV_STARTED, NULL, "operators reach process %d at %s", (int)getpid(), endpoint_url(&e, url));
    return 0;
}

static int listen_start(struct process *p, struct err *err)
{
    struct api *api = &p->api;
    char url[ENDPOINT_URL_MAX];
    struct endpoint e = { 0 };
    int rc = p->handed.listen_fd ? endpoint_of(p->handed.listen_fd, &e, err)
                                 : endpoint_parse("listen", api->settings->listen, &e, err);
    if (rc == 0) {
        rc = listen_admin(p, err);
    }
    if (rc) {
        return rc;
    }
    unsigned connections = listen_connections((unsigned)api->settings->api_max_connections);
    api->http = server_new(p, &e, p->handed.listen_fd, connections, err);
    if (!api->http) {
        return err->code;
    }
    e.port = http_server_port(api->http);
    if (p->handed.worker < 0) {
        log_event(EV_STARTED, NULL, "phoenix-api " PACKAGE_VERSION " listens on %s", endpoint_url(&e, url));
        return 0;
    }
    (void)!send(p->handed.lifeline, "r", 1, MSG_NOSIGNAL); /* if nobody hears it, the lifeline's end does */
    log_event(EV_STARTED, NULL, "worker %d serves", p->handed.worker);
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
    if (p->handed.worker >= 0 && !store_is_shared(p->api.store)) {
        struct err refused = { 0 };
        err_set(&refused, ERR_CONFIG, "the store %s is for one process", p->api.settings->store);
        err_remedy(&refused, "set workers to 1");
        process_fail(p, &refused, "workers");
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
    if (!api->store) {
        return err->code;
    }
    peers_listen(api);
    return 0;
}

static int refuse_settings(const struct settings *s, const struct handed *h, struct err *err)
{
    if (s->feature_k8s_mode) {
        return err_set(
            err, ERR_CONFIG,
            "feature.k8s_mode is true, but this Phoenix runs without Kubernetes operators: remove it");
    }
    if (!s->feature_lean_agents) {
        return err_set(err, ERR_CONFIG,
                       "feature.lean_agents is false, but agents are all there is: remove it");
    }
    if (s->workers > 1 && strcmp(s->store, "sqlite") == 0) {
        err_set(err, ERR_CONFIG, "workers is %d, but the store sqlite is for one process", (int)s->workers);
        err_remedy(err, "set store to pg, or workers to 1");
        return ERR_CONFIG;
    }
    return listen_check(s, h, err);
}

static int process_start(struct process *p, struct err *err)
{
    struct api *api = &p->api;
    int rc;
    api->loop = loop_new(err);
    if (!api->loop) {
        return err->code;
    }
    api->started_ns = clock_wall();
    p->drain = timer_new(api->loop, on_drain_tick, p);
    if (p->handed.lifeline >= 0) {
        p->lifeline = watch_new(api->loop, p->handed.lifeline, WATCH_READ, on_lifeline, p);
    }
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
    watch_free(p->lifeline);
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

static void start_log(const struct settings *s, const struct process *p)
{
    static char name[32] = "phoenix-api";
    enum log_level level = LOG_LEVEL_INFO;
    if (p->handed.worker >= 0) {
        snprintf(name, sizeof name, "phoenix-api/%d", p->handed.worker);
    }
    log_parse_level(str_of(s->log_level), &level);
    log_init(name, level, strcmp(s->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
}

static int run(struct process *p, char **argv)
{
    const struct settings *s = p->api.settings;
    struct err err = { 0 };
    int rc = handed_read(s, &p->handed, &err);
    start_log(s, p);
    if (rc || refuse_settings(s, &p->handed, &err)) {
        log_error(EV_START_FAILED, NULL, &err, "phoenix-api");
        return EXIT_FAILURE;
    }
    return s->workers > 1 && p->handed.worker < 0 ? workers_run(s, &p->handed, argv) : process_run(p);
}

int main(int argc, char **argv)
{
    struct process process = { 0 };
    struct settings *settings = NULL;
    enum settings_action action;
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
    process.api.settings = settings;
    process.arena = arena_new();
    int status = run(&process, argv);
    arena_free(process.arena);
    settings_free(settings);
    return status;
}
