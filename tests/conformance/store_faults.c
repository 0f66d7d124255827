/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded store in trouble: full disk, read-only folder, damaged, foreign and newer files. Disks are
 * small tmpfs in a mount namespace of the test's own; where we may not mount, a limit on the file's size
 * stands in for the full disk, and the read-only folder is left out. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

enum { BLOB = 64 << 10, DISK = 4 << 20 };
static char blob[BLOB];

static bool mount_disk(struct tck *t)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", t->dir, "tmpfs", 0, "size=8m") == 0;
}

static void path_in(const struct tck *t, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", t->dir, name);
}

static void limit_file(rlim_t bytes)
{
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_FSIZE, &r) == 0);
    r.rlim_cur = bytes ? bytes : r.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &r) == 0);
}

/** Space that can be given back later: more than what is written, which is copied out of the log then. */
static void take_space(const struct tck *t)
{
    char path[128];
    path_in(t, "filler", path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 80; i++)
        CHECK(write(fd, blob, BLOB) == BLOB);
    close(fd);
}

static struct call *put_blob(struct host *h, int i, char id[16])
{
    snprintf(id, 16, "b%06d", i);
    return host_call(h, REQ(PHX_PUT, .collection = &items,
                            CELLS(T(id), T("x"), I(i), NIL, NIL, NIL, NIL, X(blob, BLOB))));
}

static int put_until_full(struct host *h)
{
    char id[16];
    for (int i = 0; i < 1000; i++) {
        struct call *c = put_blob(h, i, id);
        if (c->status == PHX_OK)
            continue;
        CHECK_STATUS(c, PHX_E_UNAVAILABLE);
        if (!strstr(c->why, "full") && !strstr(c->why, "I/O"))
            tck_fail(__FILE__, __LINE__, "the error does not say why: %s", c->why);
        return i;
    }
    tck_fail(__FILE__, __LINE__, "the disk never filled");
}

static void a_full_disk_loses_nothing_and_is_got_over(struct tck *t)
{
    char path[128], id[16];
    bool mounted = mount_disk(t);
    path_in(t, "filler", path);
    if (mounted)
        take_space(t);
    struct host *h = host_ready(t);
    if (!mounted)
        limit_file(DISK);
    int n = put_until_full(h);
    CHECK(n > 0);
    CHECK_EQ(all_items(h)->n_rows, n);
    CHECK_STATUS(put_blob(h, n, id), PHX_E_UNAVAILABLE);
    if (mounted)
        CHECK(unlink(path) == 0);
    else
        limit_file(0);
    CHECK_STATUS(put_blob(h, n, id), PHX_OK);
    host_close(h);
    h = host_ready(t);
    struct call *c = all_items(h);
    CHECK_EQ(c->n_rows, n + 1);
    for (int i = 0; i <= n; i++)
        CHECK_EQ(c->rows[i].cells[ITEM_N].i, i);
    host_close(h);
}

static void a_read_only_folder_says_so(struct tck *t)
{
    char why[400] = "";
    if (!mount_disk(t))
        return;
    CHECK(mount(NULL, t->dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
    CHECK(host_open(t, why) == NULL);
    if (!strstr(why, strerror(EROFS)) || !strstr(why, t->dir))
        tck_fail(__FILE__, __LINE__, "the refusal does not say why: %s", why);
}

static void overwrite(const char *path, off_t from, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    memset(blob, 0xA5, sizeof(blob));
    CHECK(fd >= 0 && pwrite(fd, blob, n, from) == (ssize_t)n);
    close(fd);
}

static void a_file_that_is_no_database_is_refused_and_left_alone(struct tck *t)
{
    char path[128], why[400] = "";
    struct stat st;
    path_in(t, "t.db", path);
    overwrite(path, 0, 8192);
    CHECK(host_open(t, why) == NULL);
    CHECK(strstr(why, "not a database") && strstr(why, path));
    CHECK(stat(path, &st) == 0 && st.st_size == 8192);
}

static void a_damaged_file_fails_operations_and_not_the_program(struct tck *t)
{
    char path[128], id[16], why[400];
    path_in(t, "t.db", path);
    struct host *h = host_ready(t);
    for (int i = 0; i < 40; i++)
        CHECK_STATUS(put_blob(h, i, id), PHX_OK);
    host_close(h);
    overwrite(path, 32768, 32768);
    h = host_open(t, why);
    if (!h)
        return;
    struct call *c = host_ensure(h, &items);
    if (c->status == PHX_OK)
        c = host_call(h, REQ(PHX_SCAN, .collection = &items, ORDER(ITEM_ID)));
    CHECK_STATUS(c, PHX_E_UNAVAILABLE);
    CHECK(strstr(c->why, "malformed"));
    host_close(h);
}

static void run_sql(const struct tck *t, const char *sql)
{
    char path[128];
    sqlite3 *db;
    path_in(t, "t.db", path);
    CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_newer_schema_is_refused_with_both_versions(struct tck *t)
{
    char why[400] = "";
    host_close(host_ready(t));
    run_sql(t, "UPDATE phoenix_schema SET value=7 WHERE name='version'");
    CHECK(host_open(t, why) == NULL);
    CHECK(strstr(why, "version 7") && strstr(why, "up to 1"));
}

static void a_database_of_another_program_is_refused(struct tck *t)
{
    char why[400] = "";
    run_sql(t, "CREATE TABLE people(name TEXT)");
    CHECK(host_open(t, why) == NULL);
    CHECK(strstr(why, "not one of Phoenix"));
}

static void only_the_owner_may_read_the_files(struct tck *t)
{
    static const char *const names[] = { "t.db", "t.db-wal", "t.db.lock" };
    char path[128];
    struct stat st;
    umask(0);
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    for (int i = 0; i < 3; i++) {
        path_in(t, names[i], path);
        CHECK(stat(path, &st) == 0);
        CHECK_EQ(st.st_mode & 0777, 0600);
    }
    host_close(h);
}

/** A shell that holds the write lock too long makes us busy, not broken. */
static void a_foreign_lock_is_waited_for_and_then_busy(struct tck *t)
{
    char path[128];
    sqlite3 *db;
    struct host *h = host_ready(t);
    path_in(t, "t.db", path);
    CHECK_EQ(sqlite3_open(path, &db), SQLITE_OK);
    CHECK_EQ(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &items, ITEM("a", "x", I(1)))), PHX_E_BUSY);
    CHECK_EQ(all_items(h)->n_rows, 0);
    CHECK_EQ(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    put_item(h, "a", "x", 1);
    host_close(h);
}

static const struct tck_test tests_faults[] = {
    TEST(a_full_disk_loses_nothing_and_is_got_over, 0),
    TEST(a_read_only_folder_says_so, 0),
    TEST(a_file_that_is_no_database_is_refused_and_left_alone, 0),
    TEST(a_damaged_file_fails_operations_and_not_the_program, 0),
    TEST(a_newer_schema_is_refused_with_both_versions, 0),
    TEST(a_database_of_another_program_is_refused, 0),
    TEST(only_the_owner_may_read_the_files, 0),
    TEST(a_foreign_lock_is_waited_for_and_then_busy, 0),
    TESTS_END,
};

int main(void)
{
    static const struct tck_test *const lists[] = { tests_faults, NULL };
    static char plugins[4096];
    const char *build = getenv("top_builddir");
    char *here = build ? NULL : getcwd(NULL, 0);
    snprintf(plugins, sizeof(plugins), "%s/.libs", build ? build : here);
    free(here);
    struct tck t = { .driver = "sqlite", .plugin_dir = plugins, .config = "{\"path\":\"@DIR@/t.db\"}",
                     .has = NEEDS_PERSISTENT | NEEDS_SINGLE };
    return tck_main(&t, lists);
}
