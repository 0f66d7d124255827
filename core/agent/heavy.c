/* SPDX-License-Identifier: Apache-2.0 */
/* When a new text finds no room, one is taken off each count, which pays for the new one too; texts at 0 go.
 * That is work for `most` items, and happens once in `most` additions at most. */
#include "core/agent/heavy.h"
#include <stdlib.h>
#include "core/base/mem.h"

void heavy_init(struct heavy *h, uint32_t most)
{
    *h = (struct heavy){ .most = most, .n_index = 16 };
    while (h->n_index < 2 * most)
        h->n_index *= 2;
}

void heavy_done(struct heavy *h)
{
    free(h->items);
    free(h->index);
}

/** The place of the text in the table, or the free one where it belongs. */
static uint32_t *place_of(const struct heavy *h, uint64_t hash, struct str text)
{
    for (uint32_t i = (uint32_t)hash & (h->n_index - 1);; i = (i + 1) & (h->n_index - 1)) {
        uint32_t at = h->index[i];
        if (at == 0 || (h->items[at - 1].hash == hash && str_eq(h->items[at - 1].text, text)))
            return &h->index[i];
    }
}

static void take_one_off(struct heavy *h)
{
    uint32_t kept = 0;
    memset(h->index, 0, h->n_index * sizeof *h->index);
    for (uint32_t i = 0; i < h->n; i++) {
        struct heavy_item item = h->items[i];
        item.bytes -= item.bytes / item.n;
        if (--item.n == 0)
            continue;
        h->items[kept++] = item;
        *place_of(h, item.hash, item.text) = kept;
    }
    h->n = kept;
    h->slack++;
}

void heavy_add(struct heavy *h, uint64_t hash, struct str text, size_t bytes)
{
    if (!h->items) {
        h->items = mem_calloc(h->most, sizeof *h->items);
        h->index = mem_calloc(h->n_index, sizeof *h->index);
    }
    uint32_t *place = place_of(h, hash, text);
    if (*place == 0 && h->n == h->most) {
        take_one_off(h);
        return;
    }
    if (*place == 0) {
        h->items[h->n++] = (struct heavy_item){ .hash = hash, .text = text };
        *place = h->n;
    }
    h->items[*place - 1].n++;
    h->items[*place - 1].bytes += bytes;
}

struct heavy_item *heavy_find(const struct heavy *h, uint64_t hash, struct str text)
{
    uint32_t at = h->items ? *place_of(h, hash, text) : 0;
    return at ? &h->items[at - 1] : NULL;
}

static int by_count(const void *a, const void *b)
{
    const struct heavy_item *x = a, *y = b;
    return x->n != y->n ? (x->n < y->n ? 1 : -1) : str_cmp(x->text, y->text);
}

void heavy_sort(struct heavy *h)
{
    if (h->n == 0)
        return;
    qsort(h->items, h->n, sizeof *h->items, by_count);
    memset(h->index, 0, h->n_index * sizeof *h->index);
    for (uint32_t i = 0; i < h->n; i++)
        *place_of(h, h->items[i].hash, h->items[i].text) = i + 1;
}

uint64_t heavy_rest(const struct heavy *h, uint32_t shown)
{
    return h->slack + (shown < h->n ? h->items[shown].n : 0);
}
