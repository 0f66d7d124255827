/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/swarm/wire.h"
#include <strings.h>
#include "core/base/clock.h"

enum { RETRY_AFTER_MAX_S = 86400 };
#define INTERVAL_MIN_NS (50 * NS_PER_MS)
#define INTERVAL_MAX_NS (3600 * NS_PER_S)

/* What the head says of the body. */
struct length {
    bool is_known, is_bad;
    uint64_t n;
};

static bool is_name(struct str s, const char *name)
{
    return s.n == strlen(name) && strncasecmp(s.p, name, s.n) == 0;
}

static void take_length(struct str value, struct length *length)
{
    uint64_t n;
    bool is_number = parse_uint(value, &n);
    length->is_bad |= !is_number || (length->is_known && n != length->n);
    length->is_known = true;
    length->n = is_number ? n : 0;
}

static void take_header(struct str name, struct str value, struct answer *a, struct length *length)
{
    uint64_t seconds;
    int64_t interval;
    if (is_name(name, "Content-Length"))
        take_length(value, length);
    else if (is_name(name, "Transfer-Encoding"))
        length->is_bad = true;
    else if (is_name(name, "Connection"))
        a->closes = is_name(value, "close");
    else if (is_name(name, "Retry-After") && parse_uint(value, &seconds))
        a->retry_after_ns = (int64_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * NS_PER_S;
    else if (is_name(name, "X-Phoenix-Heartbeat-Interval") && parse_duration(value, &interval) &&
             interval >= INTERVAL_MIN_NS && interval <= INTERVAL_MAX_NS)
        a->interval_ns = interval;
}

/* "HTTP/1.1 204 No Content" */
static bool take_status(struct str line, struct answer *a)
{
    int64_t status;
    if (!str_starts(line, "HTTP/1.") || line.n < 12 || line.p[8] != ' ' ||
        (line.n > 12 && line.p[12] != ' ') ||
        !parse_int((struct str){ line.p + 9, 3 }, &status) || status < 200 || status > 599)
        return false;
    a->closes = line.p[7] == '0';
    a->status = (int)status;
    return true;
}

/* Lines of a head without its empty one; both ends of lines are taken. */
static bool take_head(struct str head, struct answer *a, struct length *length)
{
    struct str line, name;
    for (bool is_first = true; str_split(&head, '\n', &line); is_first = false) {
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        if (is_first) {
            if (!take_status(line, a))
                return false;
            continue;
        }
        struct str value = line;
        if (!str_split(&value, ':', &name) || !value.p)
            return false;
        take_header(name, str_trim(value), a, length);
    }
    return !length->is_bad;
}

enum wire answer_parse(struct str in, size_t max_body, struct answer *ret)
{
    struct length length = { 0 };
    const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
    *ret = (struct answer){ 0 };
    size_t head = end ? (size_t)(end - in.p) : in.n;
    if (head > WIRE_HEAD_MAX || memcmp(in.p, "HTTP/1.", in.n < 7 ? in.n : 7) != 0)
        return WIRE_BAD;
    if (!end)
        return WIRE_MORE;
    if (!take_head((struct str){ in.p, head }, ret, &length))
        return WIRE_BAD;
    if (ret->status == 204 || ret->status == 304)
        length = (struct length){ .is_known = true };
    if (!length.is_known || length.n > max_body)
        return WIRE_BAD;
    ret->body = (struct str){ end + 4, (size_t)length.n };
    ret->total = head + 4 + ret->body.n;
    return in.n < ret->total ? WIRE_MORE : WIRE_DONE;
}
