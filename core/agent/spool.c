/* SPDX-License-Identifier: Apache-2.0 */
/* Folder: NNNNNNNNNNNNNNNN.seg (hexadecimal, ascending) and `taken`: number and offset of the oldest
 * record that is still wanted. Record: length, checksum of length and text, text. The newest segment
 * is written to; the oldest is read from; both may be the same file. An empty spool holds no segment
 * and no open file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/spool.h"
#include "core/base/mem.h"

enum { HEAD_BYTES = 8 };
struct segment {
    uint64_t number, bytes;
    uint64_t records; /* in all of the file, taken ones included */
};
struct spool {
    char *dir;
    uint64_t max_bytes, segment_bytes;
    struct segment *segments; /* oldest first */
    size_t n;
    uint64_t next_number;
    int write_fd, read_fd, taken_fd;
    uint64_t read_at, read_records; /* in the oldest segment: offset, records before it */
    uint32_t shown;                 /* length on disk of the record that peek showed; 0: none */
    struct spool_stats stats;
};

static uint32_t checksum(uint32_t length, struct str text)
{
    /* FNV-1a over the length and the text: it guards against torn writes, not against people */
    uint32_t h = UINT32_C(2166136261);
    for (unsigned i = 0; i < 4; i++)
        h = (h ^ ((length >> (8 * i)) & 0xff)) * UINT32_C(16777619);
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * UINT32_C(16777619);
    return h;
}

static void put32(unsigned char *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void segment_path(const struct spool *sp, uint64_t number, char out[4096])
{
    snprintf(out, 4096, "%s/%016" PRIx64 ".seg", sp->dir, number);
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/** Read one record at @p at. Its length on disk; 0: there is no whole, sound record. */
static uint32_t record_read(int fd, uint64_t at, struct buf *out)
{
    unsigned char head[HEAD_BYTES];
    if (pread(fd, head, sizeof head, (off_t)at) != (ssize_t)sizeof head)
        return 0;
    uint32_t length = get32(head);
    buf_reset(out);
    if (length == 0 || length > SPOOL_RECORD_MAX)
        return 0;
    char *room = buf_room(out, length);
    if (!room || pread(fd, room, length, (off_t)(at + HEAD_BYTES)) != (ssize_t)length ||
        checksum(length, (struct str){ room, length }) != get32(head + 4))
        return 0;
    out->len += length;
    out->data[out->len] = '\0';
    return HEAD_BYTES + length;
}

/** Note how far the queue was taken. Losing this only repeats records. */
static void taken_write(struct spool *sp)
{
    unsigned char note[16];
    uint64_t number = sp->n > 0 ? sp->segments[0].number : sp->next_number;
    for (unsigned i = 0; i < 8; i++) {
        note[i] = (unsigned char)(number >> (8 * i));
        note[8 + i] = (unsigned char)(sp->read_at >> (8 * i));
    }
    ssize_t n = pwrite(sp->taken_fd, note, sizeof note, 0);
    (void)n;
}

static void taken_read(const struct spool *sp, uint64_t *ret_number, uint64_t *ret_at)
{
    unsigned char note[16];
    *ret_number = *ret_at = 0;
    if (pread(sp->taken_fd, note, sizeof note, 0) != (ssize_t)sizeof note)
        return;
    for (unsigned i = 0; i < 8; i++) {
        *ret_number |= (uint64_t)note[i] << (8 * i);
        *ret_at |= (uint64_t)note[8 + i] << (8 * i);
    }
}

/** Forget the oldest segment and its file. What was not taken of it leaves the count of waiting ones. */
static void segment_drop(struct spool *sp, bool count_dropped)
{
    char path[4096];
    struct segment *s = &sp->segments[0];
    uint64_t left = s->records - sp->read_records;
    segment_path(sp, s->number, path);
    unlink(path);
    sp->stats.bytes -= s->bytes;
    sp->stats.records -= left;
    if (count_dropped)
        sp->stats.dropped += left;
    fd_close(&sp->read_fd);
    if (sp->n == 1)
        fd_close(&sp->write_fd);
    sp->n--;
    memmove(sp->segments, sp->segments + 1, sp->n * sizeof *sp->segments);
    sp->read_at = sp->read_records = 0;
    sp->shown = 0;
    taken_write(sp);
}

/** Count the records of a segment and cut a torn tail off. */
static void segment_scan(struct spool *sp, uint64_t number, uint64_t taken_at)
{
    char path[4096];
    struct segment s = { .number = number };
    segment_path(sp, number, path);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    struct buf text;
    buf_init(&text, SPOOL_RECORD_MAX);
    for (uint32_t n; (n = record_read(fd, s.bytes, &text)) > 0; s.bytes += n) {
        if (sp->n == 0 && s.bytes < taken_at) {
            sp->read_at = s.bytes + n;
            sp->read_records = s.records + 1;
        }
        s.records++;
    }
    buf_done(&text);
    int rc = ftruncate(fd, (off_t)s.bytes);
    (void)rc; /* then the next opening cuts it */
    close(fd);
    sp->segments = mem_realloc(sp->segments, sp->n + 1, sizeof *sp->segments);
    sp->segments[sp->n++] = s;
    sp->stats.bytes += s.bytes;
    sp->stats.records += s.records;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/** Numbers of all segment files, ascending; caller frees. */
static uint64_t *segments_list(const struct spool *sp, size_t *ret_n)
{
    uint64_t *numbers = NULL;
    size_t n = 0;
    DIR *dir = opendir(sp->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        uint64_t number;
        int end = 0;
        if (strlen(entry->d_name) != 20 ||
            sscanf(entry->d_name, "%16" SCNx64 ".seg%n", &number, &end) != 1 || end != 20)
            continue;
        numbers = mem_realloc(numbers, n + 1, sizeof *numbers);
        numbers[n++] = number;
    }
    if (dir)
        closedir(dir);
    if (n > 0)
        qsort(numbers, n, sizeof *numbers, by_number);
    *ret_n = n;
    return numbers;
}

static void spool_recover(struct spool *sp)
{
    uint64_t taken, taken_at;
    size_t n;
    uint64_t *numbers = segments_list(sp, &n);
    taken_read(sp, &taken, &taken_at);
    sp->next_number = taken > 0 ? taken : 1;
    for (size_t i = 0; i < n; i++) {
        char path[4096];
        segment_path(sp, numbers[i], path);
        if (numbers[i] < taken)
            unlink(path);
        else
            segment_scan(sp, numbers[i], numbers[i] == taken ? taken_at : 0);
        if (numbers[i] >= sp->next_number)
            sp->next_number = numbers[i] + 1;
    }
    free(numbers);
    sp->stats.records -= sp->read_records;
    while (sp->n > 0 && sp->read_records == sp->segments[0].records)
        segment_drop(sp, false);
}

struct spool *spool_open(const char *dir, uint64_t max_bytes, struct err *err)
{
    char path[4096];
    if (folder_make(dir, err) != 0)
        return NULL;
    snprintf(path, sizeof path, "%s/taken", dir);
    int taken_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (taken_fd < 0) {
        err_errno(err, ERR_IO, errno, "cannot open \"%s\"", path);
        return NULL;
    }
    struct spool *sp = mem_alloc(sizeof *sp);
    sp->dir = mem_strdup(dir);
    sp->max_bytes = max_bytes;
    sp->segment_bytes = max_bytes / 8 < (1 << 20) ? max_bytes / 8 : (1 << 20);
    sp->write_fd = sp->read_fd = -1;
    sp->taken_fd = taken_fd;
    spool_recover(sp);
    return sp;
}

void spool_close(struct spool *sp)
{
    if (!sp)
        return;
    fd_close(&sp->write_fd);
    fd_close(&sp->read_fd);
    fd_close(&sp->taken_fd);
    free(sp->segments);
    free(sp->dir);
    free(sp);
}

/** Start a new segment; the one before goes to disk. */
static int segment_new(struct spool *sp, struct err *err)
{
    char path[4096];
    spool_sync(sp);
    fd_close(&sp->write_fd);
    segment_path(sp, sp->next_number, path);
    sp->write_fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (sp->write_fd < 0)
        return err_errno(err, ERR_IO, errno, "cannot make \"%s\"", path);
    sp->segments = mem_realloc(sp->segments, sp->n + 1, sizeof *sp->segments);
    sp->segments[sp->n++] = (struct segment){ .number = sp->next_number++ };
    if (sp->n == 1)
        taken_write(sp);
    return 0;
}

/** Write head and text at the end of the newest segment; on failure the file is cut back. */
static int record_write(struct spool *sp, struct str record, struct err *err)
{
    struct segment *s = &sp->segments[sp->n - 1];
    unsigned char head[HEAD_BYTES];
    put32(head, (uint32_t)record.n);
    put32(head + 4, checksum((uint32_t)record.n, record));
    if (pwrite(sp->write_fd, head, sizeof head, (off_t)s->bytes) != (ssize_t)sizeof head ||
        pwrite(sp->write_fd, record.p, record.n, (off_t)(s->bytes + HEAD_BYTES)) != (ssize_t)record.n) {
        int why = errno ? errno : ENOSPC;
        int rc = ftruncate(sp->write_fd, (off_t)s->bytes);
        (void)rc;
        return err_errno(err, ERR_IO, why, "could not write to the spool \"%s\"", sp->dir);
    }
    s->bytes += HEAD_BYTES + record.n;
    s->records++;
    sp->stats.bytes += HEAD_BYTES + record.n;
    sp->stats.records++;
    return 0;
}

int spool_append(struct spool *sp, struct str record, struct err *err)
{
    uint64_t need = HEAD_BYTES + record.n;
    if (record.n == 0 || record.n > SPOOL_RECORD_MAX || need > sp->max_bytes) {
        sp->stats.dropped++;
        return err_set(err, ERR_LIMIT, "a record of %zu bytes does not fit into the spool", record.n);
    }
    while (sp->n > 0 && sp->stats.bytes + need > sp->max_bytes)
        segment_drop(sp, true);
    bool is_full = sp->n > 0 && sp->segments[sp->n - 1].bytes + need > sp->segment_bytes;
    int rc = sp->write_fd < 0 || is_full ? segment_new(sp, err) : 0;
    errno = 0;
    if (rc == 0)
        rc = record_write(sp, record, err);
    if (rc != 0)
        sp->stats.dropped++;
    return rc;
}

bool spool_peek(struct spool *sp, struct buf *out)
{
    char path[4096];
    while (sp->n > 0) {
        if (sp->read_fd < 0) {
            segment_path(sp, sp->segments[0].number, path);
            sp->read_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        }
        sp->shown = sp->read_fd >= 0 && sp->read_at < sp->segments[0].bytes
                        ? record_read(sp->read_fd, sp->read_at, out)
                        : 0;
        if (sp->shown > 0)
            return true;
        segment_drop(sp, true);
    }
    return false;
}

void spool_ack(struct spool *sp)
{
    if (sp->n == 0 || sp->shown == 0)
        return;
    sp->read_at += sp->shown;
    sp->read_records++;
    sp->shown = 0;
    sp->stats.records--;
    if (sp->read_records == sp->segments[0].records)
        segment_drop(sp, false);
    else
        taken_write(sp);
}

void spool_sync(struct spool *sp)
{
    if (sp->write_fd >= 0)
        fdatasync(sp->write_fd);
}

void spool_stats(const struct spool *sp, struct spool_stats *ret)
{
    *ret = sp->stats;
}
