/* SPDX-License-Identifier: Apache-2.0 */
/* The set of process names that a scan saw. Every name is judged against the globs once a scan, and
 * remembered with the answer: an exposition repeats each name in every family. Open addressing; text
 * is kept in one block, so a full set costs a few hundred kB and a usual one a few kB. */
#include <stdlib.h>
#include "core/agent/expo.h"
#include "core/agent/expo_line.h"
#include "core/base/mem.h"

enum { NAMES_MAX = 4096, NAME_MAX_BYTES = 256 };
struct slot {
    uint64_t hash;
    uint32_t at, len; /* text; len 0: free slot */
    bool matched;
};
struct names {
    const char *const *patterns;
    size_t n_patterns, n, n_matched, n_slots; /* n_slots: a power of two */
    struct slot *slots;
    char *text;
    size_t text_len, text_cap;
};

struct names *names_new(const char *const *patterns, size_t n)
{
    struct names *s = mem_alloc(sizeof *s);
    s->patterns = patterns;
    s->n_patterns = n;
    s->n_slots = 64;
    s->slots = mem_calloc(s->n_slots, sizeof *s->slots);
    return s;
}

void names_free(struct names *s)
{
    if (!s)
        return;
    free(s->slots);
    free(s->text);
    free(s);
}

static uint64_t hash_of(struct str name)
{
    uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a: the text is compared too */
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * UINT64_C(1099511628211);
    return h;
}

static struct slot *slot_find(const struct names *s, uint64_t hash, struct str name)
{
    for (size_t i = hash & (s->n_slots - 1);; i = (i + 1) & (s->n_slots - 1)) {
        struct slot *slot = &s->slots[i];
        if (slot->len == 0 ||
            (slot->hash == hash && str_eq((struct str){ s->text + slot->at, slot->len }, name)))
            return slot;
    }
}

static void names_grow(struct names *s)
{
    struct slot *old = s->slots;
    size_t n_old = s->n_slots;
    s->n_slots *= 2;
    s->slots = mem_calloc(s->n_slots, sizeof *s->slots);
    for (size_t i = 0; i < n_old; i++)
        if (old[i].len > 0)
            *slot_find(s, old[i].hash, (struct str){ s->text + old[i].at, old[i].len }) = old[i];
    free(old);
}

static bool is_critical(const struct names *s, struct str escaped)
{
    char plain[NAME_MAX_BYTES];
    struct str name = expo_unescape(escaped, plain);
    for (size_t i = 0; i < s->n_patterns; i++)
        if (glob_match(str_of(s->patterns[i]), name))
            return true;
    return false;
}

static void text_keep(struct names *s, struct str name, struct slot *slot)
{
    if (s->text_len + name.n > s->text_cap) {
        s->text_cap = (s->text_len + name.n) * 2;
        s->text = mem_realloc(s->text, s->text_cap, 1);
    }
    memcpy(s->text + s->text_len, name.p, name.n);
    slot->at = (uint32_t)s->text_len;
    slot->len = (uint32_t)name.n;
    s->text_len += name.n;
}

void names_see(struct names *s, struct str escaped)
{
    if (escaped.n == 0 || escaped.n > NAME_MAX_BYTES)
        return;
    uint64_t hash = hash_of(escaped);
    struct slot *slot = slot_find(s, hash, escaped);
    if (slot->len > 0 || s->n >= NAMES_MAX)
        return;
    slot->hash = hash;
    slot->matched = is_critical(s, escaped);
    text_keep(s, escaped, slot);
    s->n++;
    s->n_matched += slot->matched;
    if (s->n * 2 > s->n_slots)
        names_grow(s);
}

size_t names_count(const struct names *s)
{
    return s ? s->n_matched : 0;
}

size_t names_union(const struct names *a, const struct names *b)
{
    size_t n = names_count(a);
    for (size_t i = 0; b && i < b->n_slots; i++) {
        const struct slot *slot = &b->slots[i];
        if (slot->len == 0 || !slot->matched)
            continue;
        n += !a || slot_find(a, slot->hash, (struct str){ b->text + slot->at, slot->len })->len == 0;
    }
    return n;
}
