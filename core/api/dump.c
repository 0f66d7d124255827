/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the manual that only this program can print. */
#include <inttypes.h>
#include "config.h"
#include "core/api/metrics.h"
#include "core/api/routes.h"
#include "core/api/taskq.h"
#include "core/base/limits.h"

static const char *method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET: return "GET";
    case HTTP_POST: return "POST";
    case HTTP_PUT: return "PUT";
    case HTTP_PATCH: return "PATCH";
    default: return "DELETE";
    }
}

static const char *scope_name(enum http_scope scope)
{
    static const char *const names[] = { "anybody", "read", "write", "agent" };
    return names[scope];
}

static void dump_routes(FILE *out)
{
    fputs("| method | path | who | class | body | query | answer | what |\n", out);
    fputs("|---|---|---|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *r = &routes[i];
        fprintf(out, "| %s | `%s` | %s | %s | %s | %s | %d %s | %s |\n", method_name(r->method), r->path,
                scope_name(r->scope), traffic_info(r->traffic)->name, r->body ? r->body->name : "",
                r->query ? r->query->name : "",
                r->status, r->reply ? r->reply->name : "", r->summary);
    }
    fputs("\n| class | at a time | Retry-After | what |\n|---|---|---|---|\n", out);
    for (int t = 0; t < TRAFFIC_COUNT; t++) {
        const struct traffic_info *i = traffic_info((enum traffic)t);
        char max[16] = "any number";
        if (i->max) {
            snprintf(max, sizeof max, "%u", i->max);
        }
        fprintf(out, "| %s | %s | %u to %u s | %s |\n", i->name, max, i->retry_min_s, i->retry_max_s,
                i->what);
    }
}

static void dump_openapi(FILE *out)
{
    struct buf body, pretty;
    buf_init(&body, LIMIT_JSON_BYTES);
    buf_init(&pretty, LIMIT_JSON_BYTES);
    openapi_write(routes, routes_count(), PACKAGE_VERSION, &body);
    struct json *doc = json_parse(buf_str(&body), NULL, NULL);
    json_write_pretty(doc, &pretty);
    fprintf(out, "%s\n", buf_cstr(&pretty));
    json_free(doc);
    buf_done(&pretty);
    buf_done(&body);
}

static void dump_tasks(FILE *out)
{
    fputs("| type | action | priority | time | config needs | what |\n|---|---|---|---|---|---|\n", out);
    for (int i = 0; i < TASK_ACTION_COUNT; i++) {
        char timeout[32];
        const struct task_info *t = task_info((enum task_action)i);
        fprintf(out, "| `%s` | `%s` | %d | %s | %s | %s |\n", t->type, t->action, t->priority,
                format_duration(t->timeout_ns, timeout), t->needs, t->what);
    }
}

static void dump_phases(FILE *out)
{
    static const struct { const char *name, *meaning; bool live; } phases[] = {
#define PHASE(id, name_, live_, meaning_) { name_, meaning_, live_ },
#include "core/tables/phases.def"
    };
    static const struct { const char *from, *input, *to, *text; } transitions[] = {
#define TRANSITION(from_, input_, to_, text_) { #from_, #input_, #to_, text_ },
#include "core/tables/phases.def"
    };
    fputs("| phase | live | meaning |\n|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        fprintf(out, "| `%s` | %s | %s |\n", phases[i].name, phases[i].live ? "yes" : "", phases[i].meaning);
    }
    fputs("\n| from | on | to | what |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof transitions / sizeof transitions[0]; i++) {
        fprintf(out, "| %s | %s | %s | %s |\n", transitions[i].from, transitions[i].input, transitions[i].to,
                transitions[i].text);
    }
}

bool routes_dump(const char *table, FILE *out)
{
    static const struct { const char *name; void (*dump)(FILE *); } tables[] = {
        { "routes", dump_routes }, { "openapi", dump_openapi }, { "metrics", metrics_dump },
        { "tasks", dump_tasks },   { "phases", dump_phases },
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].name, table) == 0) {
            tables[i].dump(out);
            return true;
        }
    }
    return false;
}
