/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/prom_query.h"

#include "core/base/clock.h"

void promql_quote(struct str value, struct buf *out)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\n') {
            buf_adds(out, "\\n");
            continue;
        }
        if (c == '"' || c == '\\') buf_addc(out, '\\');
        buf_addc(out, c);
    }
    buf_addc(out, '"');
}

void form_add(const char *name, struct str value, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    if (out->len > 0) buf_addc(out, '&');
    buf_adds(out, name);
    buf_addc(out, '=');
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '-' || c == '_' || c == '.';
        if (is_plain) {
            buf_addc(out, (char)c);
            continue;
        }
        buf_addc(out, '%');
        buf_addc(out, hex[c >> 4]);
        buf_addc(out, hex[c & 15]);
    }
}

void prom_query_arms(const char *experiment_id, int64_t from_ns, int64_t to_ns, struct buf *out)
{
    CLEANUP_BUF struct buf text;
    int64_t to_ms = to_ns / NS_PER_MS, span_ms = to_ms - from_ns / NS_PER_MS;
    buf_init(&text, 4096);
    buf_adds(&text, "{experiment=");
    promql_quote(str_of(experiment_id), &text);
    /* a range of raw samples: nothing is interpolated, and markers of staleness are left out */
    buf_addf(&text, ",__name__=~\"phoenix_arm_.+\"}[%lldms]", (long long)span_ms);
    form_add("query", buf_str(&text), out);
    buf_reset(&text);
    buf_addf(&text, "%lld.%03d", (long long)(to_ms / 1000), (int)(to_ms % 1000));
    form_add("time", buf_str(&text), out);
}
