/* SPDX-License-Identifier: Apache-2.0 */
/* News of loads as values: they can be applied to a load, and once more to the same load as somebody else has
 * stored it meanwhile. */
#include <stdlib.h>
#include <string.h>
#include "core/api/load_doc.h"
#include "core/base/mem.h"

struct load_news *load_news_report(const char *host, const struct json *loads, int64_t heard_ns)
{
    struct load_news *n = mem_alloc(sizeof *n);
    n->host = mem_strdup(host);
    n->report = json_ref(loads);
    n->heard_ns = heard_ns;
    return n;
}

struct load_news *load_news_status(const char *host, const char *load_id, enum load_status s,
                                   const char *reason)
{
    struct load_news *n = mem_alloc(sizeof *n);
    n->host = mem_strdup(host);
    str_copy(n->load_id, sizeof n->load_id, str_of(load_id));
    n->status = s;
    n->reason = mem_strdup(reason);
    return n;
}

struct load_news *load_news_adjust(const char *host, const char *load_id, const char *task, const char *how,
                                   const char *why, const struct json *change)
{
    struct load_news *n = load_news_status(host, load_id, LOAD_RUNNING, why);
    str_copy(n->task, sizeof n->task, str_of(task));
    n->adjust = how;
    n->change = change ? json_copy(change) : NULL;
    return n;
}

struct load_news *load_news_copy(const struct load_news *n)
{
    if (n->report) {
        return load_news_report(n->host, n->report, n->heard_ns);
    }
    return n->adjust ? load_news_adjust(n->host, n->load_id, n->task, n->adjust, n->reason, n->change)
                     : load_news_status(n->host, n->load_id, n->status, n->reason);
}

void load_news_free(struct load_news *list)
{
    for (struct load_news *n = list, *next; n; n = next) {
        next = n->next;
        free(n->host);
        free(n->reason);
        json_free(n->report);
        json_free(n->change);
        free(n);
    }
}

static const struct json *find_entry(const struct json *report, const char *id)
{
    for (size_t i = 0; i < json_len(report); i++) {
        const struct json *entry = json_at(report, i);
        if (strcmp(json_get_str(entry, "id", ""), id) == 0) {
            return entry;
        }
    }
    return NULL;
}

bool load_news_apply(struct load *l, const struct load_news *list, int64_t now_ns)
{
    bool changed = false;
    for (const struct load_news *n = list; n; n = n->next) {
        if (n->report) {
            changed |= load_host_reported(l, n->host, find_entry(n->report, l->id), n->heard_ns);
        } else if (strcmp(n->load_id, l->id) == 0 && n->adjust) {
            changed |= load_host_adjusted(l, n, now_ns);
        } else if (strcmp(n->load_id, l->id) == 0) {
            changed |= load_host_set(l, n->host, n->status, n->reason, now_ns);
        }
    }
    return changed;
}
