/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as values: filling them, and the rows of errors.def. */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "phoenix/plugin.h"

static const struct err_info rows[] = {
#define ERR(name_, code_, abi, http, type_, title_, retry, exit_, when_) \
    { code_, abi, http, #name_, type_, title_, retry, exit_, when_ },
#include "core/tables/errors.def"
};
#define ROWS (sizeof rows / sizeof rows[0])

/* vsnprintf() that does not leave half a character at the end of a text it had to cut. */
static void format(char *out, size_t cap, const char *fmt, va_list ap)
{
    int n = vsnprintf(out, cap, fmt, ap);
    if (n < 0) {
        out[0] = '\0';
        return;
    }
    if ((size_t)n < cap)
        return;
    size_t end = cap - 1, start = end;
    while (start && end - start < 4 && ((unsigned char)out[start - 1] & 0xC0) == 0x80)
        start--;
    if (start && (unsigned char)out[start - 1] >= 0xC0) {
        start--;
        if (utf8_len((struct str){ out + start, end - start }) == 0)
            out[start] = '\0';
    }
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    if (!e)
        return code;
    va_list ap;
    e->code = code;
    e->detail[0] = '\0';
    e->remedy[0] = '\0';
    va_start(ap, fmt);
    format(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return code;
}

void err_detail(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    va_list ap;
    va_start(ap, fmt);
    format(e->detail, sizeof e->detail, fmt, ap);
    va_end(ap);
}

void err_remedy(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    va_list ap;
    va_start(ap, fmt);
    format(e->remedy, sizeof e->remedy, fmt, ap);
    va_end(ap);
}

static void join(char *out, size_t cap, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void join(char *out, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    format(out, cap, fmt, ap);
    va_end(ap);
}

void err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;
    char prefix[sizeof e->msg], old[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    format(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    memcpy(old, e->msg, sizeof old);
    join(e->msg, sizeof e->msg, "%s%s", prefix, old);
}

int err_errno(struct err *e, enum err_code code, int errnum, const char *fmt, ...)
{
    if (!e)
        return code;
    char what[sizeof e->msg], buf[96];
    va_list ap;
    va_start(ap, fmt);
    format(what, sizeof what, fmt, ap);
    va_end(ap);
    return err_set(e, code, "%s: %s", what, strerror_r(errnum, buf, sizeof buf));
}

const struct err_info *err_info(int32_t code)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].code == code)
            return &rows[i];
    return &rows[0]; /* INTERNAL */
}

const struct err_info *err_info_at(unsigned i)
{
    return i < ROWS ? &rows[i] : NULL;
}

enum err_code err_from_abi(int32_t abi_status)
{
    if (abi_status == PHX_OK)
        return ERR_OK;
    for (unsigned i = 0; i < ROWS; i++)
        if (rows[i].abi_status == abi_status)
            return rows[i].code;
    return ERR_INTERNAL;
}
