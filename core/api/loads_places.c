/* SPDX-License-Identifier: Apache-2.0 */
/* Which live loads a host has. A host stands here as long as one of its loads lives. */
#include <stdlib.h>
#include "core/api/loads_priv.h"
#include "core/base/mem.h"

struct load_host {
    struct place *places;
    UT_hash_handle hh;
    char name[];
};

static struct load_host *find(struct api *api, const char *name)
{
    struct load_host *h;
    HASH_FIND_STR(api->loads->by_host, name, h);
    return h;
}

static struct load_host *get(struct api *api, const char *name)
{
    struct load_host *h = find(api, name);
    if (!h) {
        size_t n = strlen(name);
        h = mem_alloc(sizeof *h + n + 1);
        memcpy(h->name, name, n);
        HASH_ADD_KEYPTR(hh, api->loads->by_host, h->name, n, h);
    }
    return h;
}

void places__take(struct live *v)
{
    const struct json *hosts = json_get(v->load.spec, "target_hosts");
    v->n_places = json_len(hosts);
    v->places = mem_calloc(v->n_places, sizeof *v->places);
    for (size_t i = 0; i < v->n_places; i++) {
        struct place *p = &v->places[i];
        p->live = v;
        p->host = get(v->api, json_str(json_at(hosts, i), ""));
        DL_APPEND(p->host->places, p);
    }
}

void places__leave(struct live *v)
{
    for (size_t i = 0; i < v->n_places; i++) {
        struct load_host *h = v->places[i].host;
        DL_DELETE(h->places, &v->places[i]);
        if (!h->places) {
            HASH_DEL(v->api->loads->by_host, h);
            free(h);
        }
    }
    free(v->places);
}

struct place *places__of(struct api *api, const char *host)
{
    const struct load_host *h = find(api, host);
    return h ? h->places : NULL;
}
