/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: one row more than the page is asked for; if it is there, there is a next page. */
#include "core/api/page.h"
#include "core/base/limits.h"

/* base64url without padding: RFC 4648, section 5. */
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void page_token_make(struct str key, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = '\0';
    if (key.n * 4 / 3 + 2 > cap) {
        return;
    }
    uint32_t bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < key.n; i++) {
        bits = bits << 8 | (unsigned char)key.p[i];
        for (n_bits += 8; n_bits >= 6; n_bits -= 6) {
            out[n++] = alphabet[bits >> (n_bits - 6) & 63];
        }
    }
    if (n_bits) {
        out[n++] = alphabet[bits << (6 - n_bits) & 63];
    }
    out[n] = '\0';
}

bool page_token_read(struct str token, char *out, size_t cap)
{
    size_t n = 0;
    uint32_t bits = 0;
    unsigned n_bits = 0;
    for (size_t i = 0; i < token.n; i++) {
        const char *at = token.p[i] ? strchr(alphabet, token.p[i]) : NULL;
        if (!at || n + 1 >= cap) {
            return false;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (char)(bits >> n_bits & 255);
        }
    }
    out[n] = '\0';
    bool is_canonical = n_bits < 6 && (bits & ((1u << n_bits) - 1)) == 0;
    return n > 0 && is_canonical && !memchr(out, '\0', n) && utf8_valid((struct str){ out, n });
}

bool page_read(struct request *rq, struct page *ret)
{
    const char *limit = request_query(rq, "limit"), *token = request_query(rq, "page_token");
    struct faults faults = { 0 };
    int64_t n = PAGE_DEFAULT;
    ret->after[0] = '\0';
    if (limit && (!parse_int(str_of(limit), &n) || n < 1 || n > LIMIT_LIST_PAGE)) {
        fault_add(&faults, "/limit", "must be a number from 1 to %d", LIMIT_LIST_PAGE);
    }
    if (token && !page_token_read(str_of(token), ret->after, sizeof ret->after)) {
        fault_add(&faults, "/page_token", "must be the next_page_token of an earlier answer");
    }
    ret->limit = (unsigned)n;
    if (faults.n) {
        reply_faults(rq, &faults);
        return false;
    }
    return true;
}

void page_apply(const struct page *p, struct query *q, int key, bool newest_first)
{
    if (p->after[0]) {
        q_where_text(q, key, newest_first ? PHX_LT : PHX_GT, p->after);
    }
    if (newest_first) {
        q_order_desc(q, key);
    } else {
        q_order(q, key);
    }
    q_limit(q, p->limit + 1);
}

size_t page_rows(const struct page *p, const struct result *res)
{
    return res->n_rows < p->limit ? res->n_rows : p->limit;
}

void page_write_next(const struct page *p, const struct result *res, int key, struct jw *w)
{
    char token[PAGE_KEY_MAX * 2];
    bool more = res->n_rows > p->limit;
    if (more) {
        page_token_make(row_str(&res->rows[p->limit - 1], key), token, sizeof token);
    }
    jw_kstr(w, "next_page_token", more ? token : NULL);
}
