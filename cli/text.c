/* SPDX-License-Identifier: Apache-2.0 */
/* Text from the API may hold anything; a terminal obeys much of it. What is printed passes here. */
#include "cli/table.h"

static uint32_t decode(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    switch (n) {
    case 1: return u[0];
    case 2: return (uint32_t)(u[0] & 0x1F) << 6 | (u[1] & 0x3F);
    case 3: return (uint32_t)(u[0] & 0x0F) << 12 | (uint32_t)(u[1] & 0x3F) << 6 | (u[2] & 0x3F);
    default:
        return (uint32_t)(u[0] & 0x07) << 18 | (uint32_t)(u[1] & 0x3F) << 12 | (uint32_t)(u[2] & 0x3F) << 6 |
               (u[3] & 0x3F);
    }
}

struct range {
    uint32_t from, to;
};

static bool in_ranges(uint32_t c, const struct range *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].from && c <= r[i].to)
            return true;
    return false;
}
#define IN(c, ranges) in_ranges(c, ranges, sizeof ranges / sizeof ranges[0])

static const struct range unsafe[] = {
    { 0, 0x1F },        { 0x7F, 0x9F },     { 0x061C, 0x061C }, { 0x200E, 0x200F },
    { 0x2028, 0x202E }, { 0x2066, 0x2069 }, { 0xFEFF, 0xFEFF }, { 0xE0000, 0xE007F },
};
static const struct range narrow[] = {
    { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x064B, 0x065F }, { 0x1AB0, 0x1AFF },
    { 0x1DC0, 0x1DFF }, { 0x200B, 0x200D }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F },
};
static const struct range wide[] = {
    { 0x1100, 0x115F }, { 0x2E80, 0x303E }, { 0x3041, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF },
    { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
    { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD },
};

void text_escape(struct buf *out, struct str s)
{
    while (s.n) {
        size_t n = utf8_len(s);
        uint32_t c = n ? decode(s.p, n) : 0xFFFD;
        if (n == 0)
            buf_adds(out, "\xEF\xBF\xBD");
        else if (IN(c, unsafe))
            buf_addf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
        else
            buf_add(out, s.p, n);
        s.p += n ? n : 1;
        s.n -= n ? n : 1;
    }
}

size_t text_width(struct str s)
{
    size_t width = 0;
    while (s.n) {
        size_t n = utf8_len(s);
        uint32_t c = n ? decode(s.p, n) : 0xFFFD;
        width += IN(c, narrow) ? 0 : IN(c, wide) ? 2 : 1;
        s.p += n ? n : 1;
        s.n -= n ? n : 1;
    }
    return width;
}
