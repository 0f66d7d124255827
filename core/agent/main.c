/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-agent: one loop; everything heavy is a child process.
 *
 * Start: settings, lock of the state folder, state, adoption, unfinished tasks, then the first
 * heartbeat and poll. Stop (SIGTERM, SIGINT): no new work; loads end, what the tee has taken is
 * delivered, collectors (unless they are to be kept) end in order; what is spooled and the state are on
 * disk. SIGKILL needs no order: the next start finds everything. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "core/agent/files.h"
#include "core/agent/heartbeat.h"
#include "core/agent/logs.h"
#include "core/agent/poller.h"
#include "core/agent/push.h"
#include "core/agent/sampler.h"
#include "core/agent/tee.h"
#include "core/base/log.h"
#include "core/base/settings.h"

enum { DIRS_MAX = 16 };
struct agent {
    struct settings *settings;
    char host_id[64], collectors_dir[4096], spool_dir[4096], samples_dir[4096 + 8], logs_dir[4096 + 8],
        census_dir[4096 + 8];
    const char *libexec_dir, *plugin_dirs;
    struct arena *arena;
    const char *dirs[DIRS_MAX + 1];
    struct loop *loop;
    struct state *state;
    struct registry *registry;
    struct secrets *secrets;
    struct fetcher *fetcher;
    struct uplink *uplink;
    struct supervisor *supervisor;
    struct tee *tee; /* NULL: off */
    struct loads *loads;
    struct executor *executor;
    struct outbox *samples, *census, *log_lines;
    struct push *push;
    struct sampler *sampler;
    struct logs *logs;
    struct heartbeat *heartbeat;
    struct poller *poller;
    bool is_look_due, is_stopping;
};

/* ---------------------------------------------------------------------------------- changes */

static void on_look(void *arg)
{
    struct agent *a = arg;
    a->is_look_due = false;
    if (a->tee)
        tee_changed(a->tee);
    if (a->sampler)
        sampler_changed(a->sampler);
    if (a->push)
        push_changed(a->push);
    if (a->logs)
        logs_changed(a->logs);
}

/** Collectors or loads have changed; who follows them looks after this turn. */
static void on_changed(void *arg)
{
    struct agent *a = arg;
    heartbeat_changed(a->heartbeat);
    if (!a->is_look_due)
        loop_defer(a->loop, on_look, a);
    a->is_look_due = true;
}

/* -------------------------------------------------------------------------------------- stop */

static void on_groups_deleted(void *arg)
{
    struct agent *a = arg;
    loop_stop(a->loop);
}

static void on_collectors_stopped(void *arg)
{
    struct agent *a = arg;
    push_shutdown(a->push, on_groups_deleted, a);
}

static void on_tee_drained(void *arg)
{
    struct agent *a = arg;
    if (a->settings->agent_keep_collectors)
        on_collectors_stopped(a);
    else
        supervisor_shutdown(a->supervisor, on_collectors_stopped, a);
}

static void on_loads_stopped(void *arg)
{
    struct agent *a = arg;
    if (a->tee)
        tee_shutdown(a->tee, on_tee_drained, a);
    else
        on_tee_drained(a);
}

static void on_terminate(void *arg)
{
    struct agent *a = arg;
    if (a->is_stopping)
        return;
    a->is_stopping = true;
    log_event(EV_STOPPING, NULL, "%s",
              a->settings->agent_keep_collectors ? "collectors stay" : "collectors stop");
    poller_free(a->poller);
    a->poller = NULL;
    executor_stop(a->executor);
    loads_shutdown(a->loads, on_loads_stopped, a);
}

/* ------------------------------------------------------------------------------------- start */

/** One arena, and large blocks go back to the system at once: the agent is idle most of its life. */
static void memory_tune(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 64 << 10);
    mallopt(M_TRIM_THRESHOLD, 64 << 10);
    mallopt(M_TOP_PAD, 16 << 10);
}

/** With a tee: what one request lets go of, the next one takes. The tee gives it back when it is quiet. */
static void memory_tune_for_tee(void)
{
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_TOP_PAD, 128 << 10);
}

static int host_id_find(struct agent *a, struct err *err)
{
    if (a->settings->agent_host_id[0])
        str_copy(a->host_id, sizeof a->host_id, str_of(a->settings->agent_host_id));
    else if (gethostname(a->host_id, sizeof a->host_id - 1) != 0)
        return err_set(err, ERR_CONFIG, "the host has no name; set agent.host_id");
    if (!name_valid(str_of(a->host_id), true))
        return err_set(err, ERR_CONFIG, "agent.host_id: \"%s\" is not a name of a host", a->host_id);
    return 0;
}

static int settings_check(struct agent *a, struct err *err)
{
    const struct settings *s = a->settings;
    if (s->feature_k8s_mode || !s->feature_lean_agents)
        return err_set(err, ERR_CONFIG, "feature.k8s_mode and agents that are not lean are not supported");
    a->libexec_dir = s->libexec_dir[0] ? s->libexec_dir : PHX_LIBEXECDIR;
    a->plugin_dirs = s->plugin_dir[0] ? s->plugin_dir : PHX_PLUGINDIR;
    snprintf(a->collectors_dir, sizeof a->collectors_dir, "%s/collectors", s->agent_state_dir);
    snprintf(a->spool_dir, sizeof a->spool_dir, "%s/spool", s->agent_state_dir);
    snprintf(a->samples_dir, sizeof a->samples_dir, "%s/samples", a->spool_dir);
    snprintf(a->logs_dir, sizeof a->logs_dir, "%s/logs", a->spool_dir);
    snprintf(a->census_dir, sizeof a->census_dir, "%s/census", a->spool_dir);
    return host_id_find(a, err);
}

static int registry_open(struct agent *a, struct err *err)
{
    unsigned n = 0;
    struct str rest = str_of(a->plugin_dirs), dir;
    a->arena = arena_new();
    while (n < DIRS_MAX && str_split(&rest, ',', &dir))
        if (str_trim(dir).n > 0)
            a->dirs[n++] = arena_strndup(a->arena, str_trim(dir));
    struct registry_conf conf = { .program = "phoenix-agent", .version = PACKAGE_VERSION, .dirs = a->dirs };
    a->registry = registry_new(&conf, err);
    return a->registry ? 0 : err->code;
}

/* What goes first when the API comes back: what tasks led to, then samples, then the rest. */
static bool samples_yield(void *arg)
{
    const struct agent *a = arg;
    return a->executor && executor_has_news(a->executor);
}

static bool rest_yields(void *arg)
{
    const struct agent *a = arg;
    struct spool_stats samples;
    outbox_stats(a->samples, &samples);
    return samples_yield(arg) || samples.records > 1; /* one is on its way every now and then */
}

static int outboxes_open(struct agent *a, struct err *err)
{
    uint64_t max_bytes = (uint64_t)a->settings->spool_max_bytes;
    struct outbox_conf samples = { .loop = a->loop,
                                   .uplink = a->uplink,
                                   .dir = a->samples_dir,
                                   .max_bytes = max_bytes - max_bytes / 8 - max_bytes / 16,
                                   .path = "/api/v1/agent/metrics",
                                   .rows = "samples",
                                .yields = samples_yield,
                                .yields_arg = a,
                                   .measures = sampler_measures };
    struct outbox_conf logs = { .loop = a->loop,
                                .uplink = a->uplink,
                                .dir = a->logs_dir,
                                .max_bytes = max_bytes / 8,
                                .path = "/api/v1/agent/logs",
                                .rows = "logs",
                                .yields = rest_yields,
                                .yields_arg = a };
    struct outbox_conf census = { .loop = a->loop,
                                  .uplink = a->uplink,
                                  .dir = a->census_dir,
                                  .max_bytes = max_bytes / 16,
                                  .path = "/api/v1/agent/census",
                                  .rows = "censuses",
                                  .yields = rest_yields,
                                  .yields_arg = a };
    if (folder_make(a->spool_dir, err) != 0)
        return err->code;
    a->samples = outbox_new(&samples, err);
    a->log_lines = a->samples ? outbox_new(&logs, err) : NULL;
    a->census = a->log_lines ? outbox_new(&census, err) : NULL;
    return a->census ? 0 : err->code;
}

static int supervisor_open(struct agent *a, struct err *err)
{
    const struct settings *s = a->settings;
    struct supervisor_conf conf = {
        .loop = a->loop,
        .fetcher = a->fetcher,
        .registry = a->registry,
        .state = a->state,
        .secrets = a->secrets,
        .dir = a->collectors_dir,
        .host_id = a->host_id,
        .libexec_dir = a->libexec_dir,
        .address = s->agent_bind,
        .allowed = s->agent_allow_collectors,
        .ports = s->agent_ports,
        .plugins = s->plugins,
        .grace_ns = s->agent_stop_grace,
        .restart_ns = s->agent_restart_backoff,
        .restart_limit = (unsigned)s->agent_restart_limit,
        .changed = on_changed,
        .changed_arg = a,
    };
    a->supervisor = supervisor_new(&conf, err);
    return a->supervisor ? 0 : err->code;
}

static int tee_open(struct agent *a, struct err *err)
{
    const struct settings *s = a->settings;
    struct tee_conf conf = { .loop = a->loop,
                             .supervisor = a->supervisor,
                             .listen = s->agent_otlp_listen,
                             .buffer = (size_t)s->agent_otlp_buffer,
                             .max_body = (size_t)s->agent_otlp_max_body,
                             .request_timeout_ns = s->agent_otlp_request_timeout };
    if (!s->agent_otlp_listen[0])
        return 0;
    memory_tune_for_tee();
    a->tee = tee_new(&conf, err);
    return a->tee ? 0 : err->code;
}

static int executor_open(struct agent *a, struct err *err)
{
    const struct settings *s = a->settings;
    struct loads_conf loads = { .loop = a->loop,
                                .libexec_dir = a->libexec_dir,
                                .plugin_dirs = a->plugin_dirs,
                                .otlp_url = a->tee ? tee_url(a->tee) : NULL,
                                .allowed = s->agent_allow_loads,
                                .targets = s->agent_load_targets,
                                .grace_ns = s->agent_stop_grace,
                                .changed = on_changed,
                                .changed_arg = a };
    a->loads = loads_new(&loads);
    struct executor_conf executor = { .loop = a->loop,
                                      .uplink = a->uplink,
                                      .supervisor = a->supervisor,
                                      .loads = a->loads,
                                      .state = a->state };
    a->executor = executor_new(&executor);
    return 0;
}

static int push_open(struct agent *a, struct err *err)
{
    const struct settings *s = a->settings;
    struct push_conf conf = { .loop = a->loop,
                              .fetcher = a->fetcher,
                              .supervisor = a->supervisor,
                              .state = a->state,
                              .url = s->pushgateway_url,
                              .host_id = a->host_id,
                              .interval_ns = s->pushgateway_interval,
                              .is_on = s->feature_pushgateway };
    a->push = push_new(&conf, err);
    return a->push ? 0 : err->code;
}

/** Everything that can fail, in the order in which it may: nothing runs yet. */
static int agent_open(struct agent *a, struct err *err)
{
    a->heartbeat = heartbeat_new();
    a->secrets = secrets_new(a->settings->agent_secrets_dir);
    a->loop = loop_new(err);
    if (!a->loop || settings_check(a, err) != 0)
        return err->code;
    a->state = state_open(a->loop, a->settings->agent_state_dir, err);
    a->fetcher = a->state ? fetcher_new(a->loop, "phoenix-agent/" PACKAGE_VERSION, err) : NULL;
    a->uplink = a->fetcher ? uplink_new(a->fetcher, a->settings->api_url, a->host_id, err) : NULL;
    if (!a->uplink || registry_open(a, err) != 0 || outboxes_open(a, err) != 0 ||
        supervisor_open(a, err) != 0 || tee_open(a, err) != 0 || executor_open(a, err) != 0 ||
        push_open(a, err) != 0)
        return err->code;
    struct sampler_conf sampler = { .loop = a->loop,
                                    .fetcher = a->fetcher,
                                    .supervisor = a->supervisor,
                                    .out = a->samples,
                                    .census = a->census,
                                    .push = a->settings->feature_pushgateway ? a->push : NULL,
                                    .tee = a->tee };
    a->sampler = sampler_new(&sampler);
    a->logs = logs_new(a->loop, a->supervisor, a->secrets, a->log_lines, err);
    if (!a->logs || loop_on_signal(a->loop, SIGTERM, on_terminate, a, err) != 0 ||
        loop_on_signal(a->loop, SIGINT, on_terminate, a, err) != 0)
        return err->code;
    return 0;
}

/** Take up what was, then speak to the API. */
static void agent_begin(struct agent *a)
{
    const struct settings *s = a->settings;
    struct err err = { 0 };
    CLEANUP_JSON struct json *state = state_read(a->state, &err);
    if (err.code != 0)
        log_error(EV_STATE_FAILED, NULL, &err, "the agent's state is unreadable and was put aside");
    supervisor_load(a->supervisor, state);
    push_load(a->push, state);
    executor_load(a->executor, state);
    struct heartbeat_conf heartbeat = {
        .loop = a->loop,
        .uplink = a->uplink,
        .executor = a->executor,
        .supervisor = a->supervisor,
        .loads = a->loads,
        .outboxes = { a->samples, a->log_lines, a->census },
        .registry = a->registry,
        .host_id = a->host_id,
        .labels = s->agent_labels,
        .allowed = s->agent_allow_collectors,
        .state_dir = s->agent_state_dir,
        .loads_allowed = s->agent_allow_loads,
    };
    struct poller_conf poller = { .loop = a->loop,
                                  .uplink = a->uplink,
                                  .executor = a->executor,
                                  .on_interval = heartbeat_interval,
                                  .arg = a->heartbeat };
    heartbeat_start(a->heartbeat, &heartbeat);
    a->poller = poller_new(&poller);
    poller_start(a->poller);
    log_event(EV_STARTED, NULL, "host %s, API %s, state in %s", a->host_id, s->api_url, s->agent_state_dir);
}

/** In the order in which nobody is left with a pointer: calls end first. */
static void agent_close(struct agent *a)
{
    poller_free(a->poller);
    if (a->executor)
        executor_stop(a->executor);
    if (a->state)
        state_save(a->state);
    fetcher_free(a->fetcher);
    logs_free(a->logs);
    sampler_free(a->sampler);
    push_free(a->push);
    tee_free(a->tee);
    a->push = NULL;
    a->tee = NULL;
    a->logs = NULL;
    a->sampler = NULL; /* a look that is still due finds nobody */
    outbox_free(a->samples);
    outbox_free(a->log_lines);
    outbox_free(a->census);
    heartbeat_free(a->heartbeat);
    executor_free(a->executor);
    loads_free(a->loads);
    supervisor_free(a->supervisor);
    secrets_free(a->secrets);
    registry_free(a->registry);
    uplink_free(a->uplink);
    state_close(a->state);
    loop_free(a->loop);
    arena_free(a->arena);
    settings_free(a->settings);
}

int main(int argc, char **argv)
{
    struct agent a = { 0 };
    struct err err = { 0 };
    enum settings_action action;
    extern char **environ;
    memory_tune();
    umask(077);
    log_init("phoenix-agent", LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    int rc = settings_load(PROGRAM_AGENT, argc, argv, environ, &a.settings, &action, &err);
    if (rc == 0 && action == SETTINGS_EXIT)
        return 0;
    if (rc == 0) {
        enum log_level level = LOG_LEVEL_INFO;
        log_parse_level(str_of(a.settings->log_level), &level);
        log_init("phoenix-agent", level,
                 str_eqz(str_of(a.settings->log_format), "json") ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
        rc = agent_open(&a, &err);
    }
    if (rc == 0) {
        agent_begin(&a);
        rc = loop_run(a.loop, &err);
    }
    if (rc != 0)
        log_error(EV_START_FAILED, NULL, &err, "phoenix-agent");
    else
        log_event(EV_STOPPED, NULL, "host %s", a.host_id);
    agent_close(&a);
    return rc == 0 ? 0 : err_info(rc)->exit_code;
}
