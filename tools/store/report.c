/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/store/report.h"
#include "core/base/clock.h"
#include "core/base/json.h"

enum { JSON_MAX = 1 << 16 };

static bool is_equal(const struct side *from, const struct side *to, unsigned c)
{
    return !to || digest_equal(&from->digests[c], &to->digests[c]);
}

bool sides_equal(const struct side *a, const struct side *b)
{
    for (unsigned c = 0; c < C_COUNT; c++)
        if (!is_equal(a, b, c))
            return false;
    return true;
}

static void table_row(const char *name, const struct digest *d, const char *note)
{
    printf("%-18s %12llu  %s%s\n", name, (unsigned long long)d->rows, d->sha256, note);
}

void report_table(const struct side *from, const struct side *to)
{
    printf("%-18s %12s  %s\n", "COLLECTION", "ROWS", "SHA-256");
    for (unsigned c = 0; c < C_COUNT; c++) {
        const char *name = collection_of((enum collection)c)->name;
        bool equal = is_equal(from, to, c);
        table_row(name, &from->digests[c], equal ? "" : "  in FROM");
        if (!equal)
            table_row(name, &to->digests[c], "  in TO: DIFFERENT");
    }
}

static void write_digest(struct jw *w, const char *key, const struct digest *d)
{
    jw_key(w, key);
    jw_open(w, '{');
    jw_key(w, "rows");
    jw_uint(w, d->rows);
    jw_kstr(w, "sha256", d->sha256);
    jw_close(w, '}');
}

void report_json(const struct side *from, const struct side *to, int64_t elapsed_ns)
{
    struct buf text CLEANUP_BUF;
    struct jw w;
    buf_init(&text, JSON_MAX);
    jw_init(&w, &text);
    jw_open(&w, '{');
    jw_kstr(&w, "from", from->address.shown);
    if (to) {
        jw_kstr(&w, "to", to->address.shown);
        jw_kbool(&w, "equal", sides_equal(from, to));
    }
    jw_key(&w, "rows");
    jw_uint(&w, side_rows(from));
    jw_kreal(&w, "seconds", (double)elapsed_ns / (double)NS_PER_S);
    jw_key(&w, "collections");
    jw_open(&w, '[');
    for (unsigned c = 0; c < C_COUNT; c++) {
        jw_open(&w, '{');
        jw_kstr(&w, "name", collection_of((enum collection)c)->name);
        write_digest(&w, "from", &from->digests[c]);
        if (to) {
            write_digest(&w, "to", &to->digests[c]);
            jw_kbool(&w, "equal", is_equal(from, to, c));
        }
        jw_close(&w, '}');
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    puts(buf_cstr(&text));
}
