/* SPDX-License-Identifier: Apache-2.0 */
/* From a directory to the plugins in it.
 *
 * A directory, each directory above it, and each file must belong to root or to us and must not be
 * writable by anybody else, in the manner of sshd's StrictModes. A directory above may be writable by
 * others when it is root's and sticky, as /tmp is. This guards against mistakes of installation; it is
 * not a boundary: whoever can write where root writes has won already. */
#include "config.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/plugin/plugin_priv.h"

#define REMEDY_MODE "chmod go-w it, or give it to root or to the user of this program"

int refuse(struct refusal *r, const char *wanted, const char *remedy, const char *found_fmt, ...)
{
    str_copy(r->wanted, sizeof r->wanted, str_of(wanted));
    str_copy(r->remedy, sizeof r->remedy, str_of(remedy));
    va_list ap;
    va_start(ap, found_fmt);
    vsnprintf(r->found, sizeof r->found, found_fmt, ap);
    va_end(ap);
    return -1;
}

/* Owner and mode of what was opened as the first `n` bytes of path. */
static int check_stat(const struct stat *st, const char *path, size_t n, bool is_above, struct refusal *why)
{
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        return refuse(why, "owner root or the user of this program", REMEDY_MODE,
                      "%.*s belongs to user %u", (int)n, path, (unsigned)st->st_uid);
    }
    bool is_shared = is_above && st->st_uid == 0 && (st->st_mode & S_ISVTX);
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) && !is_shared) {
        return refuse(why, "not writable by group or others", REMEDY_MODE, "%.*s has mode %04o", (int)n, path,
                      (unsigned)(st->st_mode & 07777));
    }
    return 0;
}

/* Walk from / to the directory `path` without following a link, checking each step. */
static int open_dir_checked(const char *path, struct refusal *why)
{
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (const char *at = path; fd >= 0 && *at;) {
        at += strspn(at, "/");
        size_t n = strcspn(at, "/");
        char name[256];
        if (!str_copy(name, sizeof name, (struct str){ at, n })) {
            close(fd);
            return refuse(why, "a directory", "shorten its name", "%s has a name that is too long", path);
        }
        at += n;
        if (n == 0) {
            break;
        }
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int saved = errno;
        close(fd);
        errno = saved;
        fd = next;
        struct stat st;
        size_t upto = (size_t)(at - path);
        bool is_above = at[strspn(at, "/")] != '\0';
        if (fd >= 0 && (fstat(fd, &st) != 0 || check_stat(&st, path, upto, is_above, why) != 0)) {
            close(fd);
            return -1;
        }
    }
    if (fd < 0) {
        return refuse(why, "a directory", "create it, or take it out of plugin.dir", "%s: %s", path,
                      strerror(errno));
    }
    return fd;
}

static int check_file(int dirfd, const char *name, const char *path, struct refusal *why)
{
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        int saved = errno;
        if (fd >= 0) {
            close(fd);
        }
        return refuse(why, "a regular file, no link", "put the file itself there", "%s", strerror(saved));
    }
    close(fd);
    if (!S_ISREG(st.st_mode)) {
        return refuse(why, "a regular file, no link", "put the file itself there", "another kind of file");
    }
    return check_stat(&st, path, strlen(path), false, why);
}

int find__file(const char *path, struct refusal *why)
{
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' || !slash[1]) {
        return refuse(why, "an absolute path of a file", "write the whole path", "\"%s\"", path);
    }
    CLEANUP_FREE char *dir = mem_strndup((struct str){ path, (size_t)(slash - path) });
    CLEANUP_FREE char *real = realpath(*dir ? dir : "/", NULL);
    if (!real) {
        return refuse(why, "a directory", "write the path as it is", "%s: %s", dir, strerror(errno));
    }
    int fd = open_dir_checked(real, why);
    if (fd < 0) {
        return -1;
    }
    int rc = check_file(fd, slash + 1, path, why);
    close(fd);
    return rc;
}

static bool is_plugin_name(const char *name)
{
    size_t n = strlen(name);
    return name[0] != '.' && n > 3 && strcmp(name + n - 3, ".so") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **find__plugins(struct arena *a, const char *dir, struct refusal *why)
{
    if (dir[0] != '/') {
        refuse(why, "an absolute path", "write the whole path in plugin.dir", "\"%s\"", dir);
        return NULL;
    }
    CLEANUP_FREE char *real = realpath(dir, NULL);
    if (!real) {
        refuse(why, "a directory", "create it, or take it out of plugin.dir", "%s", strerror(errno));
        return NULL;
    }
    int fd = open_dir_checked(real, why);
    if (fd < 0) {
        return NULL;
    }
    DIR *d = fdopendir(fd);
    if (!d) {
        close(fd);
        refuse(why, "a directory that can be read", "chmod u+rx it", "%s", strerror(errno));
        return NULL;
    }
    char **paths = arena_calloc(a, LIMIT_PLUGIN_FILES + 2, sizeof *paths);
    size_t n = 0;
    for (struct dirent *e; n <= LIMIT_PLUGIN_FILES && (e = readdir(d));) {
        if (is_plugin_name(e->d_name)) {
            paths[n++] = arena_printf(a, "%s/%s", real, e->d_name);
        }
    }
    closedir(d);
    if (n > LIMIT_PLUGIN_FILES) {
        refuse(why, "a directory of plugins", "name the right directory in plugin.dir",
               "more than %d files that end in .so", LIMIT_PLUGIN_FILES);
        return NULL;
    }
    qsort(paths, n, sizeof *paths, by_name);
    return paths;
}
