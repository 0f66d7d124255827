/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9112 in its strict reading, as a state machine: each state has a function that eats as many
 * bytes as it can and sets the next state. It must never be more lenient than evhttp, and it must cut
 * the stream into requests exactly where evhttp does: the server compares both counts and closes the
 * connection when they differ.
 */
#include "core/http/wire.h"
#include <string.h>
#include "core/base/str.h"

enum {
    IN_START, IN_METHOD, IN_TARGET, IN_VERSION, IN_LINE_LF, IN_LINE, IN_NAME, IN_VALUE, IN_HEAD_LF,
    HEAD_STATES, /* up to here bytes count as head */
    IN_BODY = HEAD_STATES, IN_SIZE, IN_SIZE_LF, IN_CHUNK, IN_CHUNK_CR, IN_CHUNK_LF, IN_LAST_CR, IN_LAST_LF,
    STATES
};
enum { WANT_NOTHING, WANT_LENGTH, WANT_CODING };

enum { TOKEN = 1, TARGET = 2, VALUE = 4 };
static const uint8_t class_of[256] = {
    ['\t'] = VALUE, [' '] = VALUE, ['!'] = 7, ['"'] = 6, ['#' ... '\''] = 7, ['('] = 6, [')'] = 6,
    ['*'] = 7, ['+'] = 7, [','] = 6, ['-'] = 7, ['.'] = 7, ['/'] = 6, ['0' ... '9'] = 7,
    [':' ... '@'] = 6, ['A' ... 'Z'] = 7, ['['] = 6, ['\\'] = 6, [']'] = 6, ['^' ... '`'] = 7,
    ['a' ... 'z'] = 7, ['{'] = 6, ['|'] = 7, ['}'] = 6, ['~'] = 7, [128 ... 255] = VALUE,
};

static size_t run_of(uint8_t class, const uint8_t *p, size_t n)
{
    size_t i = 0;
    while (i < n && (class_of[p[i]] & class))
        i++;
    return i;
}

/* Always 0, so that a state can `return refuse(...)`. */
static size_t refuse(struct wire *w, enum err_code code, const char *why)
{
    w->code = code;
    w->why = why;
    return 0;
}

static size_t refuse_byte(struct wire *w, uint8_t c, const char *why)
{
    return refuse(w, ERR_INVAL, c == '\n' ? "a line ends in a bare LF"
                                : c == 0  ? "there is a NUL byte in the head"
                                          : why);
}

static void word_add(struct wire *w, const uint8_t *p, size_t n)
{
    if (w->word_n > WIRE_WORD || n > (size_t)(WIRE_WORD - w->word_n)) {
        w->word_n = WIRE_WORD + 1;
        return;
    }
    memcpy(w->word + w->word_n, p, n);
    w->word_n = (uint8_t)(w->word_n + n);
}

static bool word_is(const struct wire *w, struct str lower)
{
    if (w->word_n != lower.n)
        return false;
    for (size_t i = 0; i < lower.n; i++) {
        char c = w->word[i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower.p[i])
            return false;
    }
    return true;
}

static void request_done(struct wire *w)
{
    *w = (struct wire){ .complete = w->complete + 1, .announced = w->announced };
}

/* ---- request line */

static size_t in_method(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    size_t i = run_of(TOKEN, p, n);
    word_add(w, p, i);
    w->state = IN_METHOD;
    if (i == n)
        return i;
    if (p[i] != ' ' || w->word_n == 0)
        return refuse_byte(w, p[i], "the request line does not start with a method");
    struct str method = { w->word, w->word_n };
    w->takes_body = str_eqz(method, "POST") || str_eqz(method, "PUT") || str_eqz(method, "PATCH") ||
                    str_eqz(method, "DELETE");
    w->word_n = 0;
    w->state = IN_TARGET;
    return i + 1;
}

static size_t in_target(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    if (w->left == 0 && p[0] != '/') /* left is free until the head is over: bytes of the target */
        return refuse_byte(w, p[0], "the target is not a path");
    size_t i = run_of(TARGET, p, n);
    w->left += i;
    if (i == n)
        return i;
    if (p[i] != ' ')
        return refuse_byte(w, p[i], "the target has a byte that must be percent-encoded");
    w->left = 0;
    w->state = IN_VERSION;
    return i + 1;
}

static size_t in_version(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    static const char version[] = "HTTP/1.";
    size_t i = 0;
    for (; i < n && w->state == IN_VERSION; i++) {
        size_t at = w->word_n++;
        if (at < 7 ? p[i] != (uint8_t)version[at] : at == 7 ? p[i] != '0' && p[i] != '1' : p[i] != '\r')
            return refuse_byte(w, p[i], "the version is neither HTTP/1.0 nor HTTP/1.1");
        if (at == 7)
            w->is_http10 = p[i] == '0';
        if (at == 8)
            w->state = IN_LINE_LF;
    }
    return i;
}

/* ---- header lines */

static size_t in_line_lf(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    if (p[0] != '\n')
        return refuse(w, ERR_INVAL, "there is a bare CR in the head");
    w->state = IN_LINE;
    return 1;
}

static size_t in_line(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    if (p[0] == '\r') {
        w->state = IN_HEAD_LF;
        return 1;
    }
    if (p[0] == ' ' || p[0] == '\t')
        return refuse(w, ERR_INVAL, "a header is folded over two lines");
    if (++w->lines > max->max_lines)
        return refuse(w, ERR_LIMIT, "there are too many header lines");
    w->word_n = 0;
    w->wanted = WANT_NOTHING;
    w->state = IN_NAME;
    return 0;
}

static size_t in_name(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    size_t i = run_of(TOKEN, p, n);
    bool may_frame = w->word_n > 0 || (p[0] | 32) == 'c' || (p[0] | 32) == 't';
    if (may_frame)
        word_add(w, p, i);
    else if (i > 0)
        w->word_n = WIRE_WORD + 1; /* none of the two that matter, however it goes on */
    if (i == n)
        return i;
    if (p[i] != ':' || w->word_n == 0)
        return refuse_byte(w, p[i], "a header's name is not a token followed by a colon");
    if (may_frame && word_is(w, STR("content-length")))
        w->wanted = WANT_LENGTH;
    else if (may_frame && word_is(w, STR("transfer-encoding")))
        w->wanted = WANT_CODING;
    w->word_n = 0;
    w->state = IN_VALUE;
    return i + 1;
}

static void take_length(struct wire *w)
{
    struct str value = str_trim((struct str){ w->word, w->word_n });
    if (w->has_length)
        refuse(w, ERR_INVAL, "there are two Content-Length headers");
    else if (w->word_n > WIRE_WORD || !parse_uint(value, &w->left))
        refuse(w, ERR_INVAL, "Content-Length is not a number of digits only");
    w->has_length = true;
}

static void take_coding(struct wire *w)
{
    struct str value = str_trim((struct str){ w->word, w->word_n > WIRE_WORD ? 0 : w->word_n });
    memmove(w->word, value.p, value.n);
    w->word_n = (uint8_t)value.n;
    if (w->is_chunked)
        refuse(w, ERR_INVAL, "there are two Transfer-Encoding headers");
    else if (!word_is(w, STR("chunked")))
        refuse(w, ERR_UNSUPPORTED, "the only transfer coding taken is chunked");
    w->is_chunked = true;
}

static size_t in_value(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    size_t i = run_of(VALUE, p, n);
    if (w->wanted != WANT_NOTHING)
        word_add(w, p, i);
    if (i == n)
        return i;
    if (p[i] != '\r')
        return refuse_byte(w, p[i], "there is a control byte in a header");
    if (w->wanted == WANT_LENGTH)
        take_length(w);
    else if (w->wanted == WANT_CODING)
        take_coding(w);
    w->state = IN_LINE_LF;
    return i + 1;
}

static size_t in_head_lf(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    if (p[0] != '\n')
        return refuse(w, ERR_INVAL, "there is a bare CR in the head");
    if (w->is_chunked && (w->has_length || w->is_http10))
        return refuse(w, ERR_INVAL, "Transfer-Encoding beside Content-Length, or in HTTP/1.0");
    if (!w->takes_body && (w->is_chunked || w->left > 0))
        return refuse(w, ERR_INVAL, "a request of this method has no body");
    if (w->left > max->max_body)
        return refuse(w, ERR_LIMIT, "the body is too large");
    w->announced += w->left;
    if (w->is_chunked)
        w->state = IN_SIZE, w->word_n = 0;
    else if (w->left > 0)
        w->state = IN_BODY;
    else
        request_done(w);
    return 1;
}

/* ---- bodies */

static size_t in_body(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    size_t i = w->left < n ? (size_t)w->left : n;
    w->left -= i;
    if (w->left == 0)
        request_done(w);
    return i;
}

static int hex_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* No extensions: nobody needs them, and they are where parsers disagree. */
static size_t in_size(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    int digit = hex_of(p[0]);
    if (digit >= 0 && w->word_n < 8) {
        w->left = w->left * 16 + (unsigned)digit;
        w->word_n++;
        return 1;
    }
    if (p[0] != '\r' || w->word_n == 0)
        return refuse(w, ERR_INVAL, "a chunk's size is not one to eight hexadecimal digits");
    w->body_bytes += w->left;
    w->announced += w->left;
    if (w->body_bytes > max->max_body)
        return refuse(w, ERR_LIMIT, "the body is too large");
    w->state = IN_SIZE_LF;
    return 1;
}

static size_t in_crlf(struct wire *w, const uint8_t *p, uint8_t want, uint8_t next)
{
    if (p[0] != want)
        return refuse(w, ERR_INVAL, "a chunk does not end in CRLF, or there is a trailer");
    w->state = next;
    return 1;
}

static size_t in_size_lf(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    return in_crlf(w, p, '\n', w->left > 0 ? IN_CHUNK : IN_LAST_CR);
}

static size_t in_chunk(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    size_t i = w->left < n ? (size_t)w->left : n;
    w->left -= i;
    if (w->left == 0)
        w->state = IN_CHUNK_CR;
    return i;
}

static size_t in_chunk_cr(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    return in_crlf(w, p, '\r', IN_CHUNK_LF);
}

static size_t in_chunk_lf(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    w->word_n = 0;
    return in_crlf(w, p, '\n', IN_SIZE);
}

static size_t in_last_cr(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    return in_crlf(w, p, '\r', IN_LAST_LF);
}

static size_t in_last_lf(struct wire *w, const struct wire_limits *max, const uint8_t *p, size_t n)
{
    size_t i = in_crlf(w, p, '\n', IN_START);
    if (i > 0)
        request_done(w);
    return i;
}

typedef size_t state_fn(struct wire *, const struct wire_limits *, const uint8_t *, size_t);
static state_fn *const states[STATES] = {
    [IN_START] = in_method, [IN_METHOD] = in_method, [IN_TARGET] = in_target, [IN_VERSION] = in_version,
    [IN_LINE_LF] = in_line_lf, [IN_LINE] = in_line, [IN_NAME] = in_name, [IN_VALUE] = in_value,
    [IN_HEAD_LF] = in_head_lf, [IN_BODY] = in_body, [IN_SIZE] = in_size, [IN_SIZE_LF] = in_size_lf,
    [IN_CHUNK] = in_chunk, [IN_CHUNK_CR] = in_chunk_cr, [IN_CHUNK_LF] = in_chunk_lf,
    [IN_LAST_CR] = in_last_cr, [IN_LAST_LF] = in_last_lf,
};

bool wire_feed(struct wire *w, const struct wire_limits *max, const char *text, size_t n)
{
    const uint8_t *p = (const uint8_t *)text;
    while (n > 0 && w->code == 0) {
        size_t span = n;
        bool is_head = w->state < HEAD_STATES;
        if (is_head && span > max->max_head - w->head_bytes)
            span = max->max_head - w->head_bytes;
        if (span == 0)
            refuse(w, ERR_LIMIT, "the head of the request is too large");
        size_t used = span > 0 ? states[w->state](w, max, p, span) : 0;
        p += used;
        n -= used;
        if (is_head && wire_in_request(w))
            w->head_bytes += (uint32_t)used;
    }
    return w->code == 0;
}

bool wire_in_request(const struct wire *w)
{
    return w->state != IN_START;
}
