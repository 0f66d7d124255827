/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utlist.h>
#include "core/agent/files.h"
#include "core/agent/logs.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { READ_BYTES = 16 << 10, ROTATE_BYTES = 1 << 20 };
#define RATE_PER_S 20.0
#define BURST 200.0

struct follow {
    struct follow *prev, *next;
    char id[101], task_id[UUID_LEN + 1];
    char *path;
    int wd;
    uint64_t at; /* read up to here: always the start of a line, or in the middle of a long one */
    struct log_bucket bucket;
    bool is_within; /* in the middle of a long line, whose rest is not shown: a secret may be cut in two */
    bool is_wanted;
};
struct logs {
    struct loop *loop;
    struct supervisor *supervisor;
    struct outbox *out;
    const struct secrets *secrets;
    struct buf line; /* the one in work, without secrets */
    struct follow *list;
    struct watch *watch;
    int inotify_fd;
    bool is_first; /* the first look after a start */
};

bool log_bucket_take(struct log_bucket *b, int64_t mono_ns)
{
    if (b->last_ns == 0)
        b->tokens = BURST;
    else
        b->tokens += RATE_PER_S * (double)(mono_ns - b->last_ns) / (double)NS_PER_S;
    if (b->tokens > BURST)
        b->tokens = BURST;
    b->last_ns = mono_ns;
    if (b->tokens < 1) {
        b->held++;
        return false;
    }
    b->tokens -= 1;
    return true;
}

static void row(struct logs *x, const struct follow *f, const char *level, struct str message)
{
    struct jw *w = outbox_row(x->out);
    jw_open(w, '{');
    jw_kstr(w, "task_id", f->task_id[0] ? f->task_id : NULL);
    jw_ktime(w, "timestamp", clock_wall());
    jw_kstr(w, "level", level);
    jw_kstr(w, "source", f->id);
    jw_key(w, "message");
    jw_str(w, message);
    jw_close(w, '}');
    outbox_row_end(x->out);
}

static void on_line(struct logs *x, struct follow *f, struct str line)
{
    char text[64];
    if (line.n == 0)
        return;
    uint64_t held = f->bucket.held;
    if (!log_bucket_take(&f->bucket, clock_mono()))
        return;
    if (held > 0) {
        f->bucket.held = 0;
        snprintf(text, sizeof text, "%llu lines were held back", (unsigned long long)held);
        row(x, f, "warn", str_of(text));
    }
    buf_reset(&x->line);
    secrets_cut(x->secrets, line, &x->line);
    line = buf_str(&x->line);
    if (line.n > LIMIT_TASK_LOG_LINE)
        line.n = LIMIT_TASK_LOG_LINE;
    /* bad UTF-8 may grow to three bytes each; the API takes LIMIT_TASK_LOG_LINE */
    if (!utf8_valid(line) && line.n > LIMIT_TASK_LOG_LINE / 3)
        line.n = LIMIT_TASK_LOG_LINE / 3;
    row(x, f, "info", line);
}

/** One step of a file: whole lines, or a piece of a line that has no end in sight: of that the start is shown
 *  and the rest skipped. */
static bool read_some(struct logs *x, struct follow *f, int fd, char *text)
{
    ssize_t n = pread(fd, text, READ_BYTES, (off_t)f->at);
    if (n <= 0)
        return false;
    struct str rest = { text, (size_t)n };
    const char *newline;
    while (rest.n > 0 && (newline = memchr(rest.p, '\n', rest.n))) {
        if (!f->is_within)
            on_line(x, f, (struct str){ rest.p, (size_t)(newline - rest.p) });
        f->is_within = false;
        rest = (struct str){ newline + 1, (size_t)(rest.p + rest.n - newline - 1) };
    }
    size_t used = (size_t)n - rest.n;
    if (used == 0 && n == READ_BYTES) {
        if (!f->is_within)
            on_line(x, f, (struct str){ text, READ_BYTES });
        f->is_within = true;
        used = (size_t)n;
    }
    f->at += used;
    return used > 0;
}

/** Keep one old file. The collector appends, so a truncated file goes on from its start; what it
 *  writes between copy and cut is lost. */
static void rotate(struct follow *f, int fd)
{
    char old[4096 + 4];
    snprintf(old, sizeof old, "%s.1", f->path);
    int to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    off_t from = 0;
    while (to >= 0 && copy_file_range(fd, &from, to, NULL, ROTATE_BYTES, 0) > 0) {
    }
    if (to >= 0)
        close(to);
    if (ftruncate(fd, 0) == 0)
        f->at = 0;
}

static void follow_read(struct logs *x, struct follow *f)
{
    int fd = open(f->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (file_size(f->path) < f->at)
        f->at = 0;
    char *text = mem_alloc(READ_BYTES);
    while (read_some(x, f, fd, text)) {
    }
    free(text);
    if (f->at >= ROTATE_BYTES)
        rotate(f, fd);
    close(fd);
}

static void on_inotify(void *arg, int fd, unsigned what)
{
    struct logs *x = arg;
    _Alignas(struct inotify_event) char events[4096];
    struct follow *f;
    ssize_t n = read(fd, events, sizeof events);
    for (ssize_t at = 0; at < n;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)(events + at);
        at += (ssize_t)(sizeof *event + event->len);
        DL_FOREACH(x->list, f) {
            if (f->wd == event->wd)
                follow_read(x, f);
        }
    }
}

struct logs *logs_new(struct loop *l, struct supervisor *s, const struct secrets *secrets,
                      struct outbox *out, struct err *err)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        err_errno(err, ERR_IO, errno, "cannot follow files");
        return NULL;
    }
    struct logs *x = mem_alloc(sizeof *x);
    *x = (struct logs){
        .loop = l, .supervisor = s, .secrets = secrets, .out = out, .inotify_fd = fd, .is_first = true
    };
    buf_init(&x->line, 4 * READ_BYTES); /* a mark may be longer than what it stands for */
    x->watch = watch_new(l, fd, WATCH_READ, on_inotify, x);
    return x;
}

static void follow_free(struct logs *x, struct follow *f)
{
    DL_DELETE(x->list, f);
    inotify_rm_watch(x->inotify_fd, f->wd);
    free(f->path);
    free(f);
}

void logs_free(struct logs *x)
{
    struct follow *f, *next;
    if (!x)
        return;
    DL_FOREACH_SAFE(x->list, f, next)
        follow_free(x, f);
    watch_free(x->watch);
    close(x->inotify_fd);
    buf_done(&x->line);
    free(x);
}

static struct follow *follow_of(struct logs *x, const struct collector *c)
{
    char path[4096];
    const struct spec *spec = collector_spec(c);
    struct follow *f;
    DL_FOREACH(x->list, f) {
        if (str_eqz(str_of(spec->id), f->id))
            return f;
    }
    collector_log_path(c, path, sizeof path);
    int wd = inotify_add_watch(x->inotify_fd, path, IN_MODIFY);
    if (wd < 0)
        return NULL; /* it has not been started yet */
    f = mem_alloc(sizeof *f);
    str_copy(f->id, sizeof f->id, str_of(spec->id));
    f->path = mem_strdup(path);
    f->wd = wd;
    f->at = x->is_first ? file_size(path) : 0;
    DL_APPEND(x->list, f);
    return f;
}

void logs_changed(struct logs *x)
{
    struct follow *f, *next;
    DL_FOREACH(x->list, f)
        f->is_wanted = false;
    for (const struct collector *c = supervisor_first(x->supervisor); c; c = collector_next(c)) {
        f = follow_of(x, c);
        if (!f)
            continue;
        f->is_wanted = true;
        str_copy(f->task_id, sizeof f->task_id, str_of(collector_spec(c)->task_id));
        follow_read(x, f); /* it may have written before it was watched */
    }
    x->is_first = false;
    DL_FOREACH_SAFE(x->list, f, next) {
        if (!f->is_wanted)
            follow_free(x, f);
    }
}
