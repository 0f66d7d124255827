/* SPDX-License-Identifier: Apache-2.0 */
/* A secret that was changed on disk may still be in the environment of a process: what was once known stays
 * known, up to KNOWN_MAX, of which the oldest then goes. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/secrets.h"
#include "core/base/mem.h"

enum { KNOWN_MAX = 256 };
struct secrets {
    char *dir;
    char *known[KNOWN_MAX];
    unsigned n, next; /* next: the oldest, once all are taken */
};

static void forget(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static const char *remember(struct secrets *s, const char *text)
{
    for (unsigned i = 0; i < s->n; i++)
        if (str_eqz(str_of(text), s->known[i]))
            return s->known[i];
    unsigned at = s->n < KNOWN_MAX ? s->n++ : s->next++ % KNOWN_MAX;
    forget(s->known[at]);
    s->known[at] = mem_strdup(text);
    return s->known[at];
}

/* ---- reading */

/** The file is open: is it one that only its owner can read? */
static int check_file(int fd, const char *name, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "the secret \"%s\" is no file", name);
    if ((st.st_mode & 077) != 0) {
        err_set(err, ERR_FORBIDDEN, "the secret \"%s\" may be read by others", name);
        err_remedy(err, "chmod 600 it, in agent.secrets_dir");
        return err->code;
    }
    return 0;
}

static bool is_line(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return false;
    return n >= SECRET_BYTES_MIN && n <= SECRET_BYTES_MAX;
}

static int read_file(struct secrets *s, int fd, const char *name, const char **ret, struct err *err)
{
    char text[SECRET_BYTES_MAX + 2] = { 0 };
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    int rc = 0;
    if (n < 0)
        rc = err_errno(err, ERR_IO, errno, "cannot read the secret \"%s\"", name);
    else if (!is_line(text, (size_t)n))
        rc = err_set(err, ERR_INVALID, "the secret \"%s\" is not one line of %d to %d bytes", name,
                     SECRET_BYTES_MIN, SECRET_BYTES_MAX);
    else
        *ret = remember(s, text);
    explicit_bzero(text, sizeof text);
    return rc;
}

int secrets_get(struct secrets *s, const char *name, struct str *ret, struct err *err)
{
    char path[4096 + 104];
    const char *text = NULL;
    if (!s->dir[0] || !file_name_ok(str_of(name)))
        return err_set(err, ERR_NOTFOUND, "there is no secret \"%s\": agent.secrets_dir is %s", name,
                       s->dir[0] ? s->dir : "not set");
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        err_errno(err, ERR_NOTFOUND, errno, "cannot open the secret \"%s\"", name);
        err_remedy(err, "put it into the file of that name in agent.secrets_dir, mode 600");
        return err->code;
    }
    int rc = check_file(fd, name, err);
    if (rc == 0)
        rc = read_file(s, fd, name, &text, err);
    close(fd);
    *ret = str_of(text);
    return rc;
}

struct secrets *secrets_new(const char *dir)
{
    struct secrets *s = mem_alloc(sizeof *s);
    struct err ignored = { 0 };
    struct str text;
    s->dir = mem_strdup(dir);
    DIR *folder = dir[0] ? opendir(dir) : NULL;
    for (struct dirent *entry; folder && s->n < KNOWN_MAX && (entry = readdir(folder));)
        if (file_name_ok(str_of(entry->d_name)) && secrets_get(s, entry->d_name, &text, &ignored) != 0)
            ignored = (struct err){ 0 }; /* whoever asks for it is told */
    if (folder)
        closedir(folder);
    return s;
}

void secrets_free(struct secrets *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->n; i++)
        forget(s->known[i]);
    free(s->dir);
    free(s);
}

/* ---- cutting */

/** Bytes of the longest secret that @p text starts with; 0: none. */
static size_t secret_at(const struct secrets *s, struct str text)
{
    size_t longest = 0;
    for (unsigned i = 0; i < s->n; i++) {
        size_t n = strlen(s->known[i]);
        if (n > longest && n <= text.n && memcmp(text.p, s->known[i], n) == 0)
            longest = n;
    }
    return longest;
}

void secrets_cut(const struct secrets *s, struct str text, struct buf *out)
{
    size_t from = 0;
    for (size_t i = 0; i < text.n && s->n > 0;) {
        size_t n = secret_at(s, (struct str){ text.p + i, text.n - i });
        if (n > 0) {
            buf_add(out, text.p + from, i - from);
            buf_adds(out, "[secret]");
            from = i + n;
        }
        i += n > 0 ? n : 1;
    }
    buf_add(out, text.p + from, text.n - from);
}
