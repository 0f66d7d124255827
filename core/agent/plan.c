/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/plan.h"
#include "core/base/mem.h"

static phx_status on_word(const phx_sink *sink, const char *what, phx_str key, phx_str value);

struct plan *plan_new(void)
{
    struct plan *p = mem_alloc(sizeof *p);
    p->arena = arena_new();
    p->sink = (phx_sink){ .size = sizeof(phx_sink), .put = on_word };
    p->stop_signal = SIGTERM;
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    arena_free(p->arena);
    free(p);
}

static bool has_nul(struct str s)
{
    return s.n > 0 && memchr(s.p, '\0', s.n);
}

int plan_file(struct plan *p, struct str name, struct str content, struct err *err)
{
    unsigned i = 0;
    if (!file_name_ok(name))
        return err_set(err, ERR_INVAL, "\"%.*s\" is not the name of a file in the collector's folder",
                       (int)(name.n < 80 ? name.n : 80), name.n ? name.p : "");
    if (content.n > PLAN_FILE_BYTES)
        return err_set(err, ERR_LIMIT, "file \"%.*s\" is larger than %d bytes", (int)name.n, name.p,
                       PLAN_FILE_BYTES);
    while (i < p->n_files && !str_eqz(name, p->files[i].name))
        i++;
    if (i == PLAN_FILES_MAX)
        return err_set(err, ERR_LIMIT, "a collector has at most %d files", PLAN_FILES_MAX);
    p->files[i].name = arena_strndup(p->arena, name);
    p->files[i].content = arena_str(p->arena, content);
    p->n_files += i == p->n_files;
    return 0;
}

static bool is_env_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '_' ||
              (i > 0 && s.p[i] >= '0' && s.p[i] <= '9')))
            return false;
    /* a variable of the dynamic linker would run somebody else's code */
    return s.n > 0 && !str_starts(s, "LD_");
}

int plan_env(struct plan *p, const char *name, struct str value, struct err *err)
{
    if (!is_env_name(str_of(name)) || has_nul(value))
        return err_set(err, ERR_INVAL, "\"%s\" is not an environment variable for a collector", name);
    if (p->n_env == PLAN_ENV_MAX)
        return err_set(err, ERR_LIMIT, "a collector has at most %d environment variables", PLAN_ENV_MAX);
    p->env[p->n_env++] = arena_printf(p->arena, "%s=%.*s", name, (int)value.n, value.n ? value.p : "");
    return 0;
}

static int add_arg(struct plan *p, const char **argv, unsigned *n, struct str value)
{
    if (has_nul(value))
        return err_set(&p->err, ERR_INVAL, "an argument holds a NUL byte");
    if (*n == PLAN_ARGS_MAX)
        return err_set(&p->err, ERR_LIMIT, "a collector has at most %d arguments", PLAN_ARGS_MAX);
    argv[(*n)++] = arena_strndup(p->arena, value);
    return 0;
}

static bool is_program(struct str s)
{
    bool is_path = s.n > 0 && s.p[0] == '/';
    return s.n > 0 && s.n < 4096 && !has_nul(s) && (is_path || file_name_ok(s));
}

static int add_program(struct plan *p, struct str value)
{
    if (!is_program(value))
        return err_set(&p->err, ERR_INVAL, "\"%.*s\" is neither the name of a program nor an absolute path",
                       (int)(value.n < 80 ? value.n : 80), value.n ? value.p : "");
    if (p->n_programs == PLAN_PROGRAMS_MAX)
        return err_set(&p->err, ERR_LIMIT, "more than %d programs would do", PLAN_PROGRAMS_MAX);
    p->programs[p->n_programs++] = arena_strndup(p->arena, value);
    return 0;
}

static int add_secret(struct plan *p, struct str variable, struct str name)
{
    if (!is_env_name(variable) || !file_name_ok(name))
        return err_set(&p->err, ERR_INVAL, "\"%.*s\" does not name a secret for a variable",
                       (int)(name.n < 80 ? name.n : 80), name.n ? name.p : "");
    if (p->n_secrets == PLAN_SECRETS_MAX)
        return err_set(&p->err, ERR_LIMIT, "a collector has at most %d secrets", PLAN_SECRETS_MAX);
    p->secrets[p->n_secrets++] = (struct plan_secret){ arena_strndup(p->arena, variable),
                                                       arena_strndup(p->arena, name) };
    return 0;
}

static int set_url(struct plan *p, const char **url, struct str value)
{
    if (!str_starts(value, "http://") || value.n > 512 || has_nul(value))
        return err_set(&p->err, ERR_INVAL, "\"%.*s\" is not an http URL",
                       (int)(value.n < 80 ? value.n : 80), value.n ? value.p : "");
    if (!*url)
        *url = arena_strndup(p->arena, value);
    return 0;
}

static int set_signal(struct plan *p, int *signal, struct str value)
{
    static const struct {
        const char *name;
        int signo;
    } known[] = { { "TERM", SIGTERM }, { "INT", SIGINT },   { "QUIT", SIGQUIT },
                  { "HUP", SIGHUP },   { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 } };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (str_eqz(value, known[i].name)) {
            *signal = known[i].signo;
            return 0;
        }
    return err_set(&p->err, ERR_INVAL, "signal \"%.*s\" is not known",
                   (int)(value.n < 20 ? value.n : 20), value.n ? value.p : "");
}

static int set_rank(struct plan *p, struct str value)
{
    p->rank = arena_strndup(p->arena, value); /* rank_new() judges it */
    return 0;
}

static int set_memory(struct plan *p, struct str value)
{
    if (!parse_size(value, &p->max_memory))
        return err_set(&p->err, ERR_INVAL, "limit.memory \"%.*s\" is not a size",
                       (int)(value.n < 20 ? value.n : 20), value.n ? value.p : "");
    return 0;
}

/** One word of the backend. 1: not known. */
static int word_take(struct plan *p, const char *what, struct str key, struct str value)
{
    struct str word = str_of(what);
    if (str_eqz(word, "file"))
        return plan_file(p, key, value, &p->err);
    if (str_eqz(word, "program"))
        return add_program(p, value);
    if (str_eqz(word, "arg"))
        return add_arg(p, p->argv, &p->n_args, value);
    if (str_eqz(word, "verify-arg"))
        return add_arg(p, p->verify, &p->n_verify, value);
    if (str_eqz(word, "env"))
        return plan_env(p, arena_strndup(p->arena, key), value, &p->err);
    if (str_eqz(word, "secret"))
        return add_secret(p, key, value);
    if (str_eqz(word, "ready"))
        return set_url(p, &p->ready_url, value);
    if (str_eqz(word, "metrics"))
        return set_url(p, str_eqz(key, "self") ? &p->self_url : &p->metrics_url, value);
    if (str_eqz(word, "otlp") && str_eqz(key, "http"))
        return set_url(p, &p->otlp_url, value);
    if (str_eqz(word, "stop-signal"))
        return set_signal(p, &p->stop_signal, value);
    if (str_eqz(word, "signal"))
        return set_signal(p, &p->signal, value);
    if (str_eqz(word, "restart"))
        return err_set(&p->err, ERR_UNSUPPORTED, "the collector would have to be started anew");
    if (str_eqz(word, "rank"))
        return set_rank(p, value);
    if (str_eqz(word, "limit.memory"))
        return set_memory(p, value);
    return 1;
}

static phx_status on_word(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    struct plan *p = (struct plan *)((char *)(uintptr_t)sink - offsetof(struct plan, sink));
    if (p->err.code != 0)
        return PHX_E_INVAL;
    int rc = word_take(p, what, (struct str){ key.p, key.n }, (struct str){ value.p, value.n });
    return rc == 0 ? 0 : rc > 0 ? PHX_E_UNSUPPORTED : PHX_E_INVAL;
}

/* ---------------------------------------------------------------------------------- program */

static const char *program_in(struct plan *p, struct str folder, const char *name)
{
    if (folder.n == 0 || folder.p[0] != '/')
        return NULL; /* of PATH: the working directory is no place for programs */
    const char *path = arena_printf(p->arena, "%.*s/%s", (int)folder.n, folder.p, name);
    return access(path, X_OK) == 0 ? path : NULL;
}

static const char *program_find(struct plan *p, const char *name, const char *libexec_dir, const char *path)
{
    struct str rest = str_of(path), folder;
    if (name[0] == '/')
        return access(name, X_OK) == 0 ? name : NULL;
    const char *found = program_in(p, str_of(libexec_dir), name);
    while (!found && str_split(&rest, ':', &folder))
        found = program_in(p, folder, name);
    return found;
}

static void argv_prepend(const char **argv, unsigned *n, const char *first)
{
    memmove(argv + 1, argv, *n * sizeof *argv);
    argv[0] = first;
    (*n)++;
}

int plan_program(struct plan *p, const char *libexec_dir, const char *path, struct err *err)
{
    const char *found = NULL;
    for (unsigned i = 0; i < p->n_programs && !found; i++)
        found = program_find(p, p->programs[i], libexec_dir, path);
    if (!found && p->n_programs > 0) {
        CLEANUP_BUF struct buf names;
        buf_init(&names, PLAN_PROGRAMS_MAX * 4096);
        for (unsigned i = 0; i < p->n_programs; i++)
            buf_addf(&names, "%s%s", i ? ", " : "", p->programs[i]);
        err_set(err, ERR_NOTFOUND, "this host has no collector to run: %s", buf_cstr(&names));
        err_remedy(err, "install it on the agent's PATH, or say where it is in plugins.NAME.path");
        return err->code;
    }
    if (found)
        argv_prepend(p->argv, &p->n_args, found);
    if (found && p->n_verify > 0)
        argv_prepend(p->verify, &p->n_verify, found);
    return 0;
}

int plan_check(const struct plan *p, struct err *err)
{
    if (p->err.code != 0) {
        if (err)
            *err = p->err;
        return p->err.code;
    }
    if (p->n_programs == 0 && (p->n_args == 0 || p->argv[0][0] != '/'))
        return err_set(err, ERR_INVAL, "the launch plan names no program by its absolute path");
    if (p->n_programs == 0 && p->n_verify > 0 && p->verify[0][0] != '/')
        return err_set(err, ERR_INVAL, "the launch plan names its validator without an absolute path");
    if (!p->ready_url || !p->metrics_url)
        return err_set(err, ERR_INVAL, "the launch plan has no URL for %s",
                       p->ready_url ? "metrics" : "readiness");
    return 0;
}

int plan_make(struct plan *p, struct instance *backend, struct str deploy, struct err *err)
{
    const phx_collector_ops *ops = instance_component(backend)->abi->ops;
    phx_str doc = { .p = deploy.p, .n = deploy.n };
    int rc = instance_result(backend, ops->launch(instance_self(backend), doc, &p->sink), err);
    if (p->err.code == 0 && rc != 0)
        return rc;
    return plan_check(p, err);
}

int plan_change(struct plan *p, struct instance *backend, struct str old, struct str deploy, struct err *err)
{
    const phx_collector_ops *ops = instance_component(backend)->abi->ops;
    if (!ops->reload)
        return err_set(err, ERR_UNSUPPORTED, "the collector's backend knows no reload");
    phx_str before = { .p = old.p, .n = old.n }, after = { .p = deploy.p, .n = deploy.n };
    int rc = instance_result(backend, ops->reload(instance_self(backend), before, after, &p->sink), err);
    if (p->err.code != 0)
        *err = p->err;
    return p->err.code != 0 ? p->err.code : rc;
}
