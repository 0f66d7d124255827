/* SPDX-License-Identifier: Apache-2.0 */
/** @file tmpdir.h  A folder of this test, below TMPDIR or /tmp, with files in it. */
#ifndef PHOENIX_TESTS_PLUGIN_TMPDIR_H
#define PHOENIX_TESTS_PLUGIN_TMPDIR_H
#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tmp_dir[128];

static inline void tmp_make(void)
{
    snprintf(tmp_dir, sizeof tmp_dir, "/tmp/phoenix-plugin-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(tmp_dir));
}

static inline int tmp_on_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static inline void tmp_remove(void)
{
    nftw(tmp_dir, tmp_on_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Static; good until the next call but three. */
static inline const char *tmp_path(const char *name)
{
    static char path[4][256];
    static unsigned next;
    char *p = path[next++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", tmp_dir, name);
    return p;
}

static inline void tmp_write(const char *name, const void *bytes, size_t n, mode_t mode)
{
    FILE *f = fopen(tmp_path(name), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(chmod(tmp_path(name), mode), 0);
}

static inline void tmp_copy(const char *from, const char *name, mode_t mode)
{
    static char bytes[4 << 20];
    FILE *f = fopen(from, "rb");
    ck_assert_msg(f != NULL, "%s is not there", from);
    size_t n = fread(bytes, 1, sizeof bytes, f);
    ck_assert_uint_lt(n, sizeof bytes);
    fclose(f);
    tmp_write(name, bytes, n, mode);
}
#endif
