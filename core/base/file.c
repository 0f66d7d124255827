/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a whole file of limited size. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/yaml.h"

static int read_all(int fd, const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
    for (;;) {
        char piece[16384];
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_IO, errno, "could not read \"%s\"", path);
        if (n == 0)
            return 0;
        buf_add(out, piece, (size_t)n);
        if (out->failed)
            return err_set(err, ERR_LIMIT, "file \"%s\" has more than %zu bytes", path, max_bytes);
    }
}

int file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
    struct stat st;
    buf_init(out, max_bytes);
    /* O_NONBLOCK: a FIFO must not hold us up before we can see that it is one */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, errno, "could not open \"%s\"", path);
    int rc = 0;
    if (fstat(fd, &st) != 0)
        rc = err_errno(err, ERR_IO, errno, "could not examine \"%s\"", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(err, ERR_INVAL, "\"%s\" is not a regular file", path);
    else
        rc = read_all(fd, path, max_bytes, out, err);
    close(fd);
    return rc;
}
