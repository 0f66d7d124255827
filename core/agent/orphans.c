/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core/agent/orphans.h"
#include "core/base/log.h"
#include "core/base/yaml.h"

#define MARK "PHOENIX_INSTANCE="
enum { ENVIRON_MAX = 64 << 10 };
/** Return true to go on. @p dir is the instance folder the process was started for. */
typedef bool orphan_fn(void *arg, pid_t pid, const char *dir);

/** The mark in the environment of @p pid, in @p text; NULL: none, or not ours to read. */
static const char *mark_of(pid_t pid, struct buf *text)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    buf_reset(text);
    FILE *f = fopen(path, "re");
    char *room = f ? buf_room(text, ENVIRON_MAX - 1) : NULL;
    size_t n = room ? fread(room, 1, ENVIRON_MAX - 2, f) : 0;
    if (f)
        fclose(f);
    if (n == 0)
        return NULL;
    room[n] = '\0';
    for (const char *p = room; p < room + n; p += strlen(p) + 1)
        if (str_starts(str_of(p), MARK))
            return p + strlen(MARK);
    return NULL;
}

static void each_marked(orphan_fn *fn, void *arg)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, ENVIRON_MAX);
    DIR *proc = opendir("/proc");
    bool go_on = true;
    for (struct dirent *entry; proc && go_on && (entry = readdir(proc));) {
        int64_t pid;
        if (!parse_int(str_of(entry->d_name), &pid) || pid <= 1 || pid > INT32_MAX ||
            getpgid((pid_t)pid) != (pid_t)pid || pid == getpid())
            continue;
        const char *dir = mark_of((pid_t)pid, &text);
        if (dir)
            go_on = fn(arg, (pid_t)pid, dir);
    }
    if (proc)
        closedir(proc);
}

struct search {
    const char *dir;
    pid_t found;
};

static bool on_candidate(void *arg, pid_t pid, const char *dir)
{
    struct search *s = arg;
    if (str_eqz(str_of(dir), s->dir))
        s->found = pid;
    return s->found == 0;
}

pid_t orphan_find(const char *dir)
{
    struct search s = { .dir = dir };
    each_marked(on_candidate, &s);
    return s.found;
}

uint64_t orphan_start_ticks(pid_t pid)
{
    char path[64];
    uint64_t ticks = 0;
    CLEANUP_BUF struct buf text;
    buf_init(&text, 4096);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    char *room = f ? buf_room(&text, 2048) : NULL;
    size_t n = room ? fread(room, 1, 2000, f) : 0;
    if (f)
        fclose(f);
    if (n == 0)
        return 0;
    room[n] = '\0';
    const char *p = strrchr(room, ')');
    if (!p ||
        sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lu",
               &ticks) != 1)
        return 0;
    return ticks;
}

struct sweep {
    struct str below;
    struct supervisor *s;
};

static bool on_marked(void *arg, pid_t pid, const char *dir)
{
    struct sweep *w = arg;
    struct str path = str_of(dir);
    if (path.n <= w->below.n + 1 || !str_eq((struct str){ path.p, w->below.n }, w->below) ||
        path.p[w->below.n] != '/')
        return true;
    struct collector *c = supervisor_find(w->s, path.p + w->below.n + 1);
    if (c && collector_pid(c) == pid)
        return true;
    log_event(EV_COLLECTOR_DOWN, NULL, "pid %d of %s is supervised by nobody: killed", (int)pid, dir);
    kill(-pid, SIGKILL);
    return true;
}

void orphans_kill(const char *dir, struct supervisor *s)
{
    struct sweep w = { str_of(dir), s };
    each_marked(on_marked, &w);
}
