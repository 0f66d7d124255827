/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins as a resource: what is loaded, and what is not and why. */
#include "core/api/api.h"
#include "core/api/handlers.h"

void on_plugin_list(struct request *rq)
{
    const struct registry *r = request_api(rq)->registry;
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 64 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    registry_write(r, "plugins", &w);
    jw_close(&w, '}');
    reply_json(rq, 200, &out);
}
