/* SPDX-License-Identifier: Apache-2.0 */
/* Open and close the file. One process holds it: FILE.lock is locked with flock() for as long as the
 * database is open, and names the holder. The lock goes with the process, however it ends; the lock
 * file is never removed, because a file that is removed can be locked by two. [work] */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "sqlite_priv.h"

enum { APPLICATION_ID = 0x50686e78 }; /* "Phnx": what `file` and we know our databases by */

static phx_status fail_errno(phx_self *self, const char *doing, const char *path)
{
    snprintf(self->why, WHY_MAX, "could not %s \"%s\": %s", doing, path, strerror(errno));
    return PHX_E_UNAVAILABLE;
}

static phx_status say_holder(phx_self *self, const char *path)
{
    char pid[24] = "";
    ssize_t n = pread(self->lock_fd, pid, sizeof(pid) - 1, 0);
    size_t digits = n > 0 ? strspn(pid, "0123456789") : 0;
    snprintf(self->why, WHY_MAX,
             "\"%s\" is in use by process %.*s (lock file \"%s\"); stop that process, or give this one "
             "another path",
             self->path, digits ? (int)digits : 1, digits ? pid : "?", path);
    return PHX_E_UNAVAILABLE;
}

static phx_status lock_take(phx_self *self)
{
    char path[4096];
    if ((size_t)snprintf(path, sizeof(path), "%s.lock", self->path) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return fail_errno(self, "open", self->path);
    }
    self->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0)
        return fail_errno(self, "open", path);
    if (flock(self->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? say_holder(self, path) : fail_errno(self, "lock", path);
    char pid[24];
    int n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    /* The name of the holder is a courtesy: on a full disk the lock holds without it. */
    if (ftruncate(self->lock_fd, 0) != 0 || pwrite(self->lock_fd, pid, (size_t)n, 0) != n)
        errno = 0;
    return PHX_OK;
}

/** Made by us, so that its mode is 0600 whatever the umask; SQLite gives -wal and -shm the same. */
static phx_status file_make(phx_self *self)
{
    int fd = open(self->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_errno(self, "open", self->path);
    close(fd);
    return PHX_OK;
}

static phx_status read_int(phx_self *self, const char *sql, int64_t *ret)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(self->db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        *ret = sqlite3_column_int64(s, 0);
        rc = SQLITE_OK;
    }
    phx_status status = rc == SQLITE_OK || rc == SQLITE_DONE
                            ? PHX_OK
                            : db_status(self, sqlite3_extended_errcode(self->db), "read", self->why);
    sqlite3_finalize(s);
    return status;
}

static phx_status fresh(phx_self *self)
{
    char sql[512];
    snprintf(
        sql, sizeof(sql),
        "BEGIN IMMEDIATE;"
        "PRAGMA application_id=%d;"
        "CREATE TABLE phoenix_schema(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
        "INSERT INTO phoenix_schema VALUES('version',%d),('seq',0);"
        "COMMIT",
        APPLICATION_ID, SCHEMA_VERSION);
    phx_status rc = db_exec(self, sql, self->why);
    if (rc && !sqlite3_get_autocommit(self->db))
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

static phx_status foreign(phx_self *self)
{
    snprintf(self->why, WHY_MAX, "\"%s\" is a database, but not one of Phoenix; give another path",
             self->path);
    return PHX_E_CONFIG;
}

/** Ours, of a version that we know, or empty. */
static phx_status version_check(phx_self *self)
{
    int64_t id = 0, tables = 0, version = 0;
    phx_status rc = read_int(self, "PRAGMA application_id", &id);
    if (rc == PHX_OK)
        rc = read_int(self, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc)
        return rc;
    if (id == 0 && tables == 0)
        return fresh(self);
    if (id != APPLICATION_ID)
        return foreign(self);
    rc = read_int(self, "SELECT value FROM phoenix_schema WHERE name='version'", &version);
    if (rc == PHX_OK && version > SCHEMA_VERSION) {
        snprintf(self->why, WHY_MAX,
                 "\"%s\" has schema version %lld, this program knows up to %d: a newer version wrote it; "
                 "start that version, or restore a backup",
                 self->path, (long long)version, SCHEMA_VERSION);
        return PHX_E_CONFIG;
    }
    int64_t seq = 0;
    if (rc == PHX_OK)
        rc = read_int(self, "SELECT value FROM phoenix_schema WHERE name='seq'", &seq);
    self->seq = (uint64_t)seq;
    return rc;
}

static int on_progress(void *arg)
{
    phx_self *self = arg;
    return self->current && job_is_over(self, self->current);
}

static int on_commit(void *arg, sqlite3 *db, const char *name, int log_pages)
{
    phx_self *self = arg;
    self->log_pages = log_pages;
    return SQLITE_OK;
}

/** The lane writes the log back, not SQLite in a commit that somebody waits for; a log that has grown is
 *  cut back. */
static phx_status settings_apply(phx_self *self)
{
    char sql[256];
    snprintf(sql, sizeof(sql),
             "PRAGMA journal_mode=WAL;PRAGMA cache_size=-%lld;PRAGMA synchronous=NORMAL;"
             "PRAGMA journal_size_limit=67108864;PRAGMA temp_store=MEMORY;PRAGMA trusted_schema=OFF;"
             "PRAGMA cell_size_check=ON",
             (long long)self->cache_mib * 1024);
    phx_status rc = db_exec(self, sql, self->why);
    self->synchronous = 1;
    sqlite3_wal_hook(self->db, on_commit, self); /* instead of SQLite's own, which writes back */
    return rc;
}

static phx_status connect(phx_self *self)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(self->path, &self->db, flags, NULL);
    if (rc != SQLITE_OK)
        return db_status(self, rc, "open", self->why);
    sqlite3_busy_timeout(self->db, 5000);
    sqlite3_progress_handler(self->db, 2000, on_progress, self);
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(self->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return PHX_OK;
}

phx_status db_open(phx_self *self)
{
    phx_status rc = lock_take(self);
    if (rc == PHX_OK)
        rc = file_make(self);
    if (rc == PHX_OK)
        rc = connect(self);
    if (rc == PHX_OK)
        rc = version_check(self);
    return rc ? rc : settings_apply(self);
}

void db_close(phx_self *self)
{
    stmt_drop_all(self);
    for (uint32_t i = 0; i < self->n_decls; i++)
        decl_free(self->decls[i]);
    self->n_decls = 0;
    if (self->db)
        sqlite3_close(self->db); /* the last connection writes the log back and removes it */
    self->db = NULL;
    if (self->lock_fd >= 0)
        close(self->lock_fd);
    self->lock_fd = -1;
}
