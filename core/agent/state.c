/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/state.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"

enum { SECTIONS_MAX = 4, STATE_VERSION = 1 };
struct state {
    struct loop *loop;
    char *dir;
    int lock_fd;
    struct timer *soon;
    struct {
        state_section_fn *fn;
        void *arg;
    } sections[SECTIONS_MAX];
    unsigned n_sections;
};

static void on_soon(void *arg)
{
    state_save(arg);
}

static int lock_take(const char *dir, struct err *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, ERR_IO, errno, "cannot open \"%s\"", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    close(fd);
    err_set(err, ERR_CONFLICT, "another agent works in \"%s\"", dir);
    err_remedy(err, "stop it, or set another agent.state_dir");
    return -1;
}

struct state *state_open(struct loop *l, const char *dir, struct err *err)
{
    if (folder_make(dir, err) != 0)
        return NULL;
    int fd = lock_take(dir, err);
    if (fd < 0)
        return NULL;
    struct state *s = mem_alloc(sizeof *s);
    s->loop = l;
    s->dir = mem_strdup(dir);
    s->lock_fd = fd;
    s->soon = timer_new(l, on_soon, s);
    return s;
}

void state_close(struct state *s)
{
    if (!s)
        return;
    timer_free(s->soon);
    close(s->lock_fd);
    free(s->dir);
    free(s);
}

static struct json *state_parse(struct str text, struct err *err)
{
    struct json *tree = json_parse(text, NULL, err);
    if (tree && json_get_int(tree, "version", 0) != STATE_VERSION) {
        err_set(err, ERR_CONFIG, "state.json is not of version %d", STATE_VERSION);
        json_free(tree);
        return NULL;
    }
    return tree;
}

struct json *state_read(struct state *s, struct err *err)
{
    char path[4096], bad[4096 + 8];
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_JSON_BYTES);
    snprintf(path, sizeof path, "%s/state.json", s->dir);
    if (access(path, F_OK) != 0)
        return NULL;
    struct json *tree = NULL;
    if (file_read(path, LIMIT_JSON_BYTES, &text, err) == 0)
        tree = state_parse(buf_str(&text), err);
    if (!tree) {
        snprintf(bad, sizeof bad, "%s.bad", path);
        rename(path, bad);
    }
    return tree;
}

void state_section(struct state *s, state_section_fn *fn, void *arg)
{
    if (s->n_sections < SECTIONS_MAX) {
        s->sections[s->n_sections].fn = fn;
        s->sections[s->n_sections++].arg = arg;
    }
}

void state_changed(struct state *s)
{
    if (!timer_is_set(s->soon))
        timer_set(s->soon, 0);
}

void state_save(struct state *s)
{
    struct jw w;
    struct err err = { 0 };
    CLEANUP_BUF struct buf text;
    timer_clear(s->soon);
    buf_init(&text, LIMIT_JSON_BYTES);
    jw_init(&w, &text);
    jw_open(&w, '{');
    jw_kint(&w, "version", STATE_VERSION);
    for (unsigned i = 0; i < s->n_sections; i++)
        s->sections[i].fn(s->sections[i].arg, &w);
    jw_close(&w, '}');
    int rc = text.failed ? err_set(&err, ERR_LIMIT, "the agent's state is too large")
                         : file_write(s->dir, "state.json", buf_str(&text), true, &err);
    if (rc != 0)
        log_error(EV_STATE_FAILED, NULL, &err, "the agent's state could not be saved");
}
