/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"

bool file_name_ok(struct str name)
{
    if (name.n == 0 || name.n > 100 || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
              c == '_' || c == '-'))
            return false;
    }
    return true;
}

int folder_make(const char *path, struct err *err)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno != EEXIST)
        return err_errno(err, ERR_IO, errno, "cannot make folder \"%s\"", path);
    if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
        return err_set(err, ERR_CONFIG, "\"%s\" is not a folder of the agent's user", path);
    if ((st.st_mode & 077) != 0 && chmod(path, 0700) != 0)
        return err_errno(err, ERR_IO, errno, "cannot make folder \"%s\" private", path);
    return 0;
}

int folder_remove(const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : err_errno(err, ERR_IO, errno, "cannot open folder \"%s\"", path);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (!str_eqz(str_of(entry->d_name), ".") && !str_eqz(str_of(entry->d_name), ".."))
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    if (rmdir(path) != 0)
        return err_errno(err, ERR_IO, errno, "cannot remove folder \"%s\"", path);
    return 0;
}

static int write_all(int fd, struct str content)
{
    while (content.n > 0) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            content = (struct str){ content.p + n, content.n - (size_t)n };
    }
    return 0;
}

/** Write the new content beside the old file; the error is in errno. */
static int write_beside(int dir_fd, const char *name, struct str content, bool durable)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    int rc = write_all(fd, content);
    if (rc == 0 && durable)
        rc = fdatasync(fd);
    int why = errno;
    close(fd);
    errno = why;
    return rc;
}

int file_write(const char *dir, const char *name, struct str content, bool durable, struct err *err)
{
    char beside[128];
    snprintf(beside, sizeof beside, ".%s.new", name);
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_errno(err, ERR_IO, errno, "cannot open folder \"%s\"", dir);
    int rc = write_beside(dir_fd, beside, content, durable);
    if (rc == 0)
        rc = renameat(dir_fd, beside, dir_fd, name);
    if (rc == 0 && durable)
        rc = fsync(dir_fd);
    if (rc != 0) {
        rc = err_errno(err, ERR_IO, errno, "could not write \"%s/%s\"", dir, name);
        unlinkat(dir_fd, beside, 0);
    }
    close(dir_fd);
    return rc;
}

int file_append_open(const char *path, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        err_errno(err, ERR_IO, errno, "cannot open \"%s\"", path);
    return fd;
}

uint64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

void file_tail(const char *path, uint64_t from, size_t max, struct buf *out)
{
    uint64_t size = file_size(path);
    if (size <= from)
        return;
    bool is_cut = size - from > max;
    uint64_t at = is_cut ? size - max : from;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *room = fd >= 0 ? buf_room(out, max) : NULL;
    ssize_t n = room ? pread(fd, room, max, (off_t)at) : 0;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return;
    const char *newline = is_cut ? memchr(room, '\n', (size_t)n) : NULL;
    size_t skip = newline && newline + 1 < room + n ? (size_t)(newline + 1 - room) : 0;
    memmove(room, room + skip, (size_t)n - skip);
    out->len += (size_t)n - skip;
    while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->len--;
    out->data[out->len] = '\0';
}
