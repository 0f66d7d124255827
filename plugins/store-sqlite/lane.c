/* SPDX-License-Identifier: Apache-2.0 */
/* From submit to done. Operations queue up; the lane takes all that wait at once and makes one group of
 * them: first the reads, answered as they run, then all writes in one transaction. While it runs, the
 * next group gathers; so groups form by themselves and one fsync pays for many. Writes are answered
 * after the commit, never before. Within a group each operation fails alone, in a savepoint of its own;
 * only what ends the transaction (disk full, I/O error) ends all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sqlite_priv.h"

enum {
    LOG_PAGES_IDLE = 200, /* written back in a quiet moment: about a hundred small commits */
    LOG_PAGES_MAX = 8000, /* written back whoever waits: 32 MB */
    QUIET_MS = 20
};
#define SYNC_EVERY_NS UINT64_C(1000000000)

bool job_is_over(phx_self *self, struct job *j)
{
    if (atomic_load(&j->cancelled))
        return true;
    return j->req->deadline && self->host->mono(self->host) >= j->req->deadline;
}

/** True if nobody waits for @p j any more; its status says why. */
static bool over(phx_self *self, struct job *j)
{
    if (!job_is_over(self, j))
        return false;
    bool cancelled = atomic_load(&j->cancelled);
    j->status = cancelled ? PHX_E_CANCELLED : PHX_E_TIMEOUT;
    snprintf(j->why, WHY_MAX, cancelled ? "cancelled" : "the deadline passed");
    return true;
}

static void unlink_running(phx_self *self, struct job *j)
{
    pthread_mutex_lock(&self->mutex);
    for (struct job **p = &self->running; *p; p = &(*p)->next) {
        if (*p == j) {
            *p = j->next;
            break;
        }
    }
    pthread_mutex_unlock(&self->mutex);
}

/** The end of a job: rows that were kept, then done(). */
static void job_answer(phx_self *self, struct job *j)
{
    unlink_running(self, j);
    for (struct kept *k = j->kept; k && j->status == PHX_OK; k = k->next)
        if (j->op->reply->row(j->op, k->cells, k->n, k->rev))
            break; /* the host has enough; what was written stays written */
    j->op->reply->done(j->op, j->status, j->n, (phx_str){ j->why, strlen(j->why) });
    kept_free(j);
    free(j);
}

static bool is_read(const phx_req *r)
{
    return r->code == PHX_GET || r->code == PHX_SCAN;
}

static void read_one(phx_self *self, struct job *j)
{
    if (!over(self, j)) {
        exec_read(self, j);
        if (j->status == PHX_E_CANCELLED && !over(self, j))
            j->why[0] = '\0'; /* row() said stop */
    }
    job_answer(self, j);
}

/** True when the failure of one operation has ended the transaction of all. */
static bool ended(phx_self *self)
{
    return sqlite3_get_autocommit(self->db) != 0;
}

/** Run one write in a savepoint. A status of the transaction as a whole is returned. */
static phx_status write_one(phx_self *self, struct job *j)
{
    phx_status rc = stmt_run(self, stmt_of(self, "SAVEPOINT op"), "write", j->why);
    if (rc)
        return rc;
    uint64_t n = 0;
    if (j->req->code == PHX_BATCH) {
        j->status = exec_batch(self, j);
    } else {
        j->status = exec_write(self, j, j->req, &n);
        j->n = j->status ? 0 : n;
    }
    if (j->status == PHX_E_CANCELLED)
        over(self, j);
    if (ended(self) || j->status == PHX_E_UNAVAILABLE)
        return j->status ? j->status : PHX_E_INTERNAL;
    if (j->status) {
        kept_free(j);
        rc = stmt_run(self, stmt_of(self, "ROLLBACK TO op"), "write", j->why);
    }
    return rc ? rc : stmt_run(self, stmt_of(self, "RELEASE op"), "write", j->why);
}

/** FULL if anything in the group must survive a power failure, or if the last sync is a second ago: what is
 *  relaxed may lose that much. Can only change between transactions. */
static phx_status synchronous_set(phx_self *self, struct job *writes, char *why)
{
    phx_mono now = self->host->mono(self->host);
    int want = now - self->synced_at >= SYNC_EVERY_NS ? 2 : 1;
    for (struct job *j = writes; j && self->durable; j = j->next)
        if (!(j->req->flags & PHX_RELAXED))
            want = 2;
    if (want == 2)
        self->synced_at = now;
    if (want == self->synchronous)
        return PHX_OK;
    phx_status rc = db_exec(self, want == 2 ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", why);
    self->synchronous = rc ? self->synchronous : want;
    return rc;
}

static phx_status write_seq(phx_self *self, char *why)
{
    sqlite3_stmt *s = stmt_of(self, "UPDATE phoenix_schema SET value=? WHERE name='seq'");
    if (s)
        sqlite3_bind_int64(s, 1, (int64_t)rev_next(self));
    return stmt_run(self, s, "write", why);
}

static phx_status write_all(phx_self *self, struct job *writes, char *why)
{
    phx_status rc = synchronous_set(self, writes, why);
    if (rc == PHX_OK)
        rc = stmt_run(self, stmt_of(self, "BEGIN IMMEDIATE"), "write", why);
    for (struct job *j = writes; j && rc == PHX_OK; j = j->next) {
        if (over(self, j))
            continue;
        rc = write_one(self, j);
        if (rc)
            memcpy(why, j->why, WHY_MAX);
    }
    if (rc == PHX_OK)
        rc = write_seq(self, why);
    if (rc == PHX_OK)
        rc = stmt_run(self, stmt_of(self, "COMMIT"), "write", why);
    if (rc && !ended(self))
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static void write_group(phx_self *self, struct job *writes)
{
    char why[WHY_MAX] = "";
    if (!writes)
        return;
    phx_status rc = write_all(self, writes, why);
    for (struct job *j = writes, *next; j; j = next) {
        next = j->next;
        if (rc && j->status != PHX_E_CANCELLED && j->status != PHX_E_TIMEOUT) {
            j->status = rc;
            j->n = 0;
            memcpy(j->why, why, WHY_MAX);
        }
        job_answer(self, j);
    }
}

/** Take what waits: reads to the front of `running`, writes behind them. False: nothing waits. */
static bool group_take(phx_self *self, struct job **ret_writes)
{
    struct job *reads = NULL, **read_tail = &reads, *writes = NULL, **write_tail = &writes;
    pthread_mutex_lock(&self->mutex);
    for (struct job *j = self->queue, *next; j; j = next) {
        struct job ***tail = is_read(j->req) ? &read_tail : &write_tail;
        next = j->next;
        j->next = NULL;
        **tail = j;
        *tail = &j->next;
    }
    *read_tail = writes;
    self->running = reads;
    self->queue = NULL;
    self->queue_tail = &self->queue;
    self->scheduled = self->running != NULL;
    bool any = self->scheduled;
    pthread_mutex_unlock(&self->mutex);
    *ret_writes = writes;
    return any;
}

/* ---- the log's way back into the database: two fsyncs and more, so when nobody waits */

static void log_write_back(phx_self *self)
{
    sqlite3_wal_checkpoint_v2(self->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    self->log_pages = 0; /* if it failed, the next commit tells */
}

/** Wait a moment for work. True: none came. */
static bool stays_quiet(phx_self *self)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += QUIET_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int rc = 0;
    pthread_mutex_lock(&self->mutex);
    while (!self->queue && rc == 0)
        rc = pthread_cond_timedwait(&self->came, &self->mutex, &until);
    bool quiet = !self->queue;
    pthread_mutex_unlock(&self->mutex);
    return quiet;
}

static void drain(void *arg)
{
    phx_self *self = arg;
    struct job *writes;
    while (group_take(self, &writes)) {
        while (self->running != writes)
            read_one(self, self->running);
        write_group(self, writes);
        if (self->n_stmts > STMT_MAX)
            stmt_drop_all(self);
        if (self->log_pages >= LOG_PAGES_MAX)
            log_write_back(self);
    }
    /* What comes from here on has scheduled the next drain. */
    if (self->log_pages >= LOG_PAGES_IDLE && stays_quiet(self))
        log_write_back(self);
}

static void on_drained(void *arg, phx_status status)
{
}

static void refuse(phx_op *op, phx_status status, uint64_t n, const char *why)
{
    op->reply->done(op, status, n, (phx_str){ why, strlen(why) });
}

void lane_submit(phx_self *self, phx_op *op, const phx_req *req)
{
    const char *why;
    uint64_t member;
    phx_status rc = phx_req_check(req, &member, &why);
    if (rc) {
        refuse(op, rc, member, why);
        return;
    }
    struct job *j = calloc(1, sizeof(*j));
    if (!j) {
        refuse(op, PHX_E_NOMEM, 0, "out of memory");
        return;
    }
    j->op = op;
    j->req = req;
    j->kept_tail = &j->kept;
    pthread_mutex_lock(&self->mutex);
    *self->queue_tail = j;
    self->queue_tail = &j->next;
    bool start = !self->scheduled;
    self->scheduled = true;
    pthread_cond_signal(&self->came);
    pthread_mutex_unlock(&self->mutex);
    if (start)
        self->work->run(self->lane, drain, on_drained, self);
}

void lane_cancel(phx_self *self, phx_op *op)
{
    pthread_mutex_lock(&self->mutex);
    for (struct job *j = self->queue; j; j = j->next)
        if (j->op == op)
            atomic_store(&j->cancelled, true);
    for (struct job *j = self->running; j; j = j->next)
        if (j->op == op)
            atomic_store(&j->cancelled, true);
    pthread_mutex_unlock(&self->mutex);
}
