/* SPDX-License-Identifier: Apache-2.0 */
/* From a spec to a process: port, plan, files, exec. Output of the collector goes to a file, not into
 * a pipe: a pipe would die with the agent and take the collector along. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/agent/collector.h"
#include "core/agent/files.h"
#include "core/base/limits.h"
#include "core/base/mem.h"

int launch_files(const struct collector *c, const struct plan *p, struct err *err)
{
    for (unsigned i = 0; i < p->n_files; i++) {
        const struct plan_file *f = &p->files[i];
        int rc = file_write(c->dir, f->name, f->content, false, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/** What a collector inherits of the agent's environment, and the mark by which it is found again. */
static int add_environment(const struct collector *c, struct err *err)
{
    static const char *const passed[] = { "PATH", "TZ", "LANG" };
    int rc = plan_env(c->plan, "PHOENIX_INSTANCE", str_of(c->dir), err);
    for (unsigned i = 0; i < sizeof passed / sizeof passed[0] && rc == 0; i++)
        if (getenv(passed[i]))
            rc = plan_env(c->plan, passed[i], str_of(getenv(passed[i])), err);
    return rc;
}

/** Secrets are read at each start, into the environment of the process and nowhere else. */
static int add_secrets(const struct collector *c, struct err *err)
{
    int rc = 0;
    for (unsigned i = 0; i < c->plan->n_secrets && rc == 0; i++) {
        const struct plan_secret *wanted = &c->plan->secrets[i];
        struct str text;
        rc = secrets_get(supervisor__conf(c->sup)->secrets, wanted->name, &text, err);
        if (rc == 0)
            rc = plan_env(c->plan, wanted->variable, text, err);
    }
    return rc;
}

void launch_deploy(const struct collector *c, const struct json *doc, const char *processes,
                   struct buf *out)
{
    const struct supervisor_conf *conf = supervisor__conf(c->sup);
    struct spec_place place = { conf->host_id, c->dir,   conf->libexec_dir,
                                conf->address, c->ports, processes };
    spec_deploy(&c->spec, doc, &place, out);
}

/** What the backend says to the task's document. */
static int ask_backend(struct collector *c, const struct json *doc, struct err *err)
{
    struct instance *backend = supervisor__backend(c->sup, c->spec.backend, err);
    if (!backend)
        return err->code;
    CLEANUP_BUF struct buf deploy;
    buf_init(&deploy, LIMIT_JSON_BYTES);
    launch_deploy(c, doc, c->names, &deploy);
    plan_free(c->plan);
    c->plan = plan_new();
    int rc = spec_files(doc, c->plan, err);
    return rc != 0 ? rc : plan_make(c->plan, backend, buf_str(&deploy), err);
}

static int make_plan(struct collector *c, const struct json *doc, struct err *err)
{
    free(c->names);
    c->names = NULL;
    int rc = ask_backend(c, doc, err);
    if (rc == 0 && c->plan->rank) {
        rc = retell_first(c, err);
        if (rc == 0)
            rc = ask_backend(c, doc, err); /* who runs with these names needs no reload */
    }
    if (rc == 0)
        rc = plan_program(c->plan, supervisor__conf(c->sup)->libexec_dir, getenv("PATH"), err);
    if (rc == 0)
        rc = add_environment(c, err);
    if (rc == 0)
        rc = add_secrets(c, err);
    return rc;
}

int launch_prepare(struct collector *c, struct err *err)
{
    CLEANUP_JSON struct json *doc = spec_load(c->dir, err);
    if (!doc)
        return err->code;
    if (supervisor__ports(c->sup, c, err) != 0)
        return err->code;
    int rc = make_plan(c, doc, err);
    if (rc == 0)
        rc = launch_files(c, c->plan, err);
    if (rc != 0)
        return rc;
    free(c->ready_url);
    free(c->metrics_url);
    free(c->otlp_url);
    free(c->self_url);
    c->ready_url = mem_strdup(c->plan->ready_url);
    c->metrics_url = mem_strdup(c->plan->metrics_url);
    c->otlp_url = mem_strdup(c->plan->otlp_url);
    c->self_url = mem_strdup(c->plan->self_url);
    c->stop_signal = c->plan->stop_signal;
    return 0;
}

static int spawn(struct collector *c, const char *const *argv, bool dies_with_agent, child_exit_fn *on_exit,
                 struct child **ret, struct err *err)
{
    char path[4096];
    collector_log_path(c, path, sizeof path);
    int log_fd = file_append_open(path, err);
    if (log_fd < 0)
        return err->code;
    c->log_from = file_size(path);
    struct child_spec spec = {
        .path = argv[0],
        .argv = argv,
        .envp = c->plan->env,
        .cwd = c->dir,
        .stdin_fd = -1,
        .stdout_fd = log_fd,
        .stderr_fd = log_fd,
        .max_memory = c->plan->max_memory,
        .dies_with_parent = dies_with_agent,
    };
    *ret = child_spawn(supervisor__conf(c->sup)->loop, &spec, on_exit, c, err);
    close(log_fd);
    return *ret ? 0 : err->code;
}

int launch_collector(struct collector *c, child_exit_fn *on_exit, struct err *err)
{
    return spawn(c, c->plan->argv, false, on_exit, &c->child, err);
}

int launch_validator(struct collector *c, child_exit_fn *on_exit, struct err *err)
{
    return spawn(c, c->plan->verify, true, on_exit, &c->verifier, err);
}

/** The last lines of its output. More is read than shown: what is read may begin within a secret, of which
 *  nothing is known then. */
static void add_output(const struct collector *c, struct buf *out)
{
    enum { SHOWN = LIMIT_STDERR_TAIL, READ = SHOWN + SECRET_BYTES_MAX };
    char path[4096];
    CLEANUP_BUF struct buf tail, clean;
    buf_init(&tail, READ + 1);
    buf_init(&clean, 2 * READ); /* a mark may be longer than what it stands for */
    collector_log_path(c, path, sizeof path);
    file_tail(path, c->log_from, READ, &tail);
    secrets_cut(supervisor__conf(c->sup)->secrets, buf_str(&tail), &clean);
    struct str text = buf_str(&clean), line;
    if (text.n == 0)
        return;
    while (text.n > SHOWN && str_split(&text, '\n', &line)) {
    }
    if (!text.p) /* the last line alone is longer */
        text = (struct str){ clean.data + clean.len - SHOWN, SHOWN };
    buf_adds(out, "; its last lines:\n");
    buf_add_str(out, text);
}

void launch_obituary(const struct collector *c, const struct child_exit *how, struct buf *out)
{
    if (how && !how->known)
        buf_adds(out, "exited, status unknown");
    else if (how && how->signo)
        buf_addf(out, "killed by signal %d", how->signo);
    else if (how)
        buf_addf(out, "exit status %d", how->code);
    add_output(c, out);
}
