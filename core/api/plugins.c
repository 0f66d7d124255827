/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins as a resource: what is loaded, and what is not and why. */
#include "core/api/api.h"
#include "core/api/handlers.h"

static void write_refused(struct jw *w, const struct refused *x)
{
    jw_open(w, '{');
    jw_kstr(w, "path", x->path);
    jw_kstr(w, "wanted", x->wanted);
    jw_kstr(w, "found", x->found);
    jw_kstr(w, "remedy", x->remedy);
    jw_close(w, '}');
}

void on_plugin_list(struct request *rq)
{
    const struct registry *r = request_api(rq)->registry;
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 64 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_key(&w, "plugins");
    jw_open(&w, '[');
    for (size_t i = 0; i < registry_count(r); i++) {
        component_write(registry_at(r, i), &w);
    }
    jw_close(&w, ']');
    jw_key(&w, "refused");
    jw_open(&w, '[');
    for (size_t i = 0; i < registry_refused_count(r); i++) {
        write_refused(&w, registry_refused_at(r, i));
    }
    jw_close(&w, ']');
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}
