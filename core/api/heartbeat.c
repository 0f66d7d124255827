/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner takes exactly what the schema allows in the short form, each member once, without escapes
 * and nulls. Whatever else comes is left to the tree and its schema, which also know how to complain.
 */
#include "core/api/heartbeat.h"
#include <stddef.h>
#include "core/base/ids.h"

const char *const agent_mood_names[AGENT_MOOD_COUNT] = { "healthy", "degraded", "stopping" };

static const struct host_usage NOT_SAID = { -1, -1, -1, -1, -1 };

/* A number of a flat object: its name, and where it goes in struct heartbeat. */
struct slot {
    struct str name;
    size_t offset;
    bool is_real; /* a double, else an int64_t */
};
#define NAME(text) { text, sizeof text - 1 }
#define REAL(object, name) { NAME(#name), offsetof(struct heartbeat, object.name), true }
#define INTEGER(object, name) { NAME(#name), offsetof(struct heartbeat, object.name), false }
static const struct slot usage_slots[] = { REAL(usage, cpu_percent), REAL(usage, memory_percent),
                                           INTEGER(usage, memory_bytes), REAL(usage, disk_percent),
                                           INTEGER(usage, disk_bytes) };
static const struct slot spool_slots[] = { INTEGER(spool, batches), INTEGER(spool, bytes),
                                           INTEGER(spool, dropped) };

static bool scan_string(struct js *s, struct str *ret)
{
    if (js_next(s) != JS_STRING || s->escaped) {
        return false;
    }
    *ret = s->text;
    return true;
}

static int slot_index(const struct slot *slots, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(key, slots[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

/* {"name": number, ...} with known names, each at most once, none negative. */
static bool scan_numbers(struct js *s, const struct slot *slots, size_t n, struct heartbeat *h)
{
    unsigned seen = 0;
    enum js_token t;
    if (js_next(s) != JS_OBJECT) {
        return false;
    }
    while ((t = js_next(s)) == JS_KEY) {
        int i = s->escaped ? -1 : slot_index(slots, n, s->text);
        if (i < 0 || seen & 1u << i) {
            return false;
        }
        seen |= 1u << i;
        t = js_next(s);
        char *place = (char *)h + slots[i].offset;
        if (!slots[i].is_real && t == JS_INT && s->i >= 0) {
            memcpy(place, &s->i, sizeof s->i);
        } else if (slots[i].is_real && (t == JS_INT || t == JS_REAL) && s->r >= 0) {
            memcpy(place, &s->r, sizeof s->r);
        } else {
            return false;
        }
    }
    return t == JS_OBJECT_END;
}

static bool scan_task(struct js *s, struct heartbeat_task *ret)
{
    unsigned seen = 0;
    enum js_token t;
    while ((t = js_next(s)) == JS_KEY) {
        unsigned bit = str_eqz(s->text, "id") ? 1 : str_eqz(s->text, "epoch") ? 2 : 4;
        if (seen & bit || bit == 4 || s->escaped) {
            return false;
        }
        seen |= bit;
        if (bit == 1 && !(scan_string(s, &ret->id) && uuid_valid(ret->id))) {
            return false;
        }
        if (bit == 2) {
            if (js_next(s) != JS_INT || s->i < 0) {
                return false;
            }
            ret->epoch = s->i;
        }
    }
    return t == JS_OBJECT_END && seen == 3;
}

static bool scan_tasks(struct js *s, struct heartbeat *h)
{
    enum js_token t;
    if (js_next(s) != JS_ARRAY) {
        return false;
    }
    while ((t = js_next(s)) == JS_OBJECT) {
        if (h->n_tasks == HEARTBEAT_TASKS_MAX || !scan_task(s, &h->tasks[h->n_tasks++])) {
            return false;
        }
    }
    return t == JS_ARRAY_END;
}

static bool mood_of(struct str text, enum agent_mood *ret)
{
    for (int i = 0; i < AGENT_MOOD_COUNT; i++) {
        if (str_eqz(text, agent_mood_names[i])) {
            *ret = (enum agent_mood)i;
            return true;
        }
    }
    return false;
}

enum member { M_HOST, M_VERSION, M_STATUS, M_TASKS, M_USAGE, M_SPOOL, M_COUNT };
static const struct str members[M_COUNT] = { NAME("host_id"), NAME("agent_version"), NAME("status"),
                                             NAME("active_tasks"), NAME("resource_usage"), NAME("spool") };

static bool scan_member(struct js *s, enum member m, struct heartbeat *h)
{
    struct str text;
    switch (m) {
    case M_HOST: return scan_string(s, &h->host_id) && name_valid(h->host_id, true);
    case M_VERSION: return scan_string(s, &h->agent_version) && h->agent_version.n <= 63;
    case M_STATUS: return scan_string(s, &text) && mood_of(text, &h->mood);
    case M_TASKS: return scan_tasks(s, h);
    case M_USAGE: return scan_numbers(s, usage_slots, sizeof usage_slots / sizeof usage_slots[0], h);
    case M_SPOOL: return scan_numbers(s, spool_slots, sizeof spool_slots / sizeof spool_slots[0], h);
    case M_COUNT: break;
    }
    return false;
}

static enum member member_of(struct str key)
{
    int i = 0;
    while (i < M_COUNT && !str_eq(key, members[i])) {
        i++;
    }
    return (enum member)i;
}

static void heartbeat_clear(struct heartbeat *h)
{
    h->host_id = h->agent_version = (struct str){ NULL, 0 };
    h->mood = AGENT_HEALTHY;
    h->usage = NOT_SAID;
    h->spool = (struct spool_usage){ 0 };
    h->n_tasks = 0; /* the array is large: not cleared */
}

bool heartbeat_scan(struct str text, struct heartbeat *ret)
{
    struct js s;
    unsigned seen = 0;
    enum js_token t;
    heartbeat_clear(ret);
    js_init(&s, text, 4);
    if (js_next(&s) != JS_OBJECT) {
        return false;
    }
    while ((t = js_next(&s)) == JS_KEY) {
        enum member m = s.escaped ? M_COUNT : member_of(s.text);
        if (m == M_COUNT || seen & 1u << m || !scan_member(&s, m, ret)) {
            return false;
        }
        seen |= 1u << m;
    }
    return t == JS_OBJECT_END && js_next(&s) == JS_END && seen & 1u << M_HOST && seen & 1u << M_STATUS;
}

void heartbeat_read(const struct json *doc, struct heartbeat *ret)
{
    const struct json *u = json_get(doc, "resource_usage"), *spool = json_get(doc, "spool");
    const struct json *tasks = json_get(doc, "active_tasks");
    heartbeat_clear(ret);
    ret->host_id = json_text(json_get(doc, "host_id"));
    ret->agent_version = json_text(json_get(doc, "agent_version"));
    mood_of(json_text(json_get(doc, "status")), &ret->mood);
    ret->usage.cpu_percent = json_get_real(u, "cpu_percent", -1);
    ret->usage.memory_percent = json_get_real(u, "memory_percent", -1);
    ret->usage.disk_percent = json_get_real(u, "disk_percent", -1);
    ret->usage.memory_bytes = json_get_int(u, "memory_bytes", -1);
    ret->usage.disk_bytes = json_get_int(u, "disk_bytes", -1);
    ret->spool.batches = json_get_int(spool, "batches", 0);
    ret->spool.bytes = json_get_int(spool, "bytes", 0);
    ret->spool.dropped = json_get_int(spool, "dropped", 0);
    for (size_t i = 0; i < json_len(tasks) && ret->n_tasks < HEARTBEAT_TASKS_MAX; i++) {
        struct heartbeat_task *t = &ret->tasks[ret->n_tasks++];
        t->id = json_text(json_get(json_at(tasks, i), "id"));
        t->epoch = json_get_int(json_at(tasks, i), "epoch", 0);
    }
}

static void set_real(struct json *j, const char *key, double v)
{
    if (v >= 0) {
        json_set_real(j, key, v);
    }
}

static void set_int(struct json *j, const char *key, int64_t v)
{
    if (v >= 0) {
        json_set_int(j, key, v);
    }
}

struct json *host_usage_json(const struct host_usage *u)
{
    struct json *j = json_object();
    set_real(j, "cpu_percent", u->cpu_percent);
    set_real(j, "memory_percent", u->memory_percent);
    set_int(j, "memory_bytes", u->memory_bytes);
    set_real(j, "disk_percent", u->disk_percent);
    set_int(j, "disk_bytes", u->disk_bytes);
    if (json_len(j) == 0) {
        json_free(j);
        return NULL;
    }
    return j;
}
