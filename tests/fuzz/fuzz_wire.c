/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner of HTTP bytes says the same of a stream whatever the portions it comes in: whole, in two
 * parts, byte by byte. Portions are copied to memory of exactly their size, so that a read beyond one
 * is seen. */
#include "core/http/wire.h"
#include <stdlib.h>
#include <string.h>

static const struct wire_limits limits = { .max_head = 1000, .max_lines = 20, .max_body = 300 };

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void feed(struct wire *w, const uint8_t *data, size_t n)
{
    char *copy = malloc(n ? n : 1);
    require(copy != NULL);
    if (n)
        memcpy(copy, data, n);
    require(wire_feed(w, &limits, copy, n) == (w->code == 0));
    require(w->code == 0 || w->why);
    free(copy);
}

static void require_same(const struct wire *a, const struct wire *b)
{
    require(a->code == b->code && a->complete == b->complete);
    if (a->code == 0)
        require(wire_in_request(a) == wire_in_request(b) && a->left == b->left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire whole = { 0 }, bytes = { 0 };
    feed(&whole, data, size);
    for (size_t i = 0; i < size; i++)
        feed(&bytes, data + i, 1);
    require_same(&whole, &bytes);
    for (size_t cut = 1; cut < size; cut += 1 + size / 50) {
        struct wire parts = { 0 };
        feed(&parts, data, cut);
        feed(&parts, data + cut, size - cut);
        require_same(&whole, &parts);
    }
    return 0;
}
