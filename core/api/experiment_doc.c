/* SPDX-License-Identifier: Apache-2.0 */
/* Between a row of `experiments` and the document that people see. */
#include "core/api/experiment_doc.h"

static void free_tree(void *j)
{
    json_free(j);
}

int exp_doc_read(const struct row *row, struct arena *arena, struct exp_doc *ret, struct err *err)
{
    *ret = (struct exp_doc){ .name = arena_strdup(arena, row_text(row, F_EXPERIMENTS_NAME)),
                             .spec = row_json(row, F_EXPERIMENTS_SPEC),
                             .state = row_json(row, F_EXPERIMENTS_STATE),
                             .rev = row->rev,
                             .created_ns = row_time(row, F_EXPERIMENTS_CREATED_AT),
                             .updated_ns = row_time(row, F_EXPERIMENTS_UPDATED_AT) };
    if (!ret->state) ret->state = json_object();
    arena_on_free(arena, free_tree, ret->state);
    if (ret->spec) arena_on_free(arena, free_tree, ret->spec);
    bool sane = str_copy(ret->id, sizeof ret->id, row_str(row, F_EXPERIMENTS_ID)) && ret->spec &&
                phase_parse(row_text(row, F_EXPERIMENTS_PHASE), &ret->phase);
    if (!sane) return err_set(err, ERR_INTERNAL, "the stored experiment \"%s\" cannot be read", ret->id);
    return 0;
}

struct query *exp_doc_put(struct store *st, const struct exp_doc *doc)
{
    struct query *q = doc->rev ? q_put(st, C_EXPERIMENTS) : q_insert(st, C_EXPERIMENTS);
    q_text(q, F_EXPERIMENTS_ID, doc->id);
    q_text(q, F_EXPERIMENTS_NAME, doc->name);
    q_text(q, F_EXPERIMENTS_PHASE, phase_name(doc->phase));
    q_bool(q, F_EXPERIMENTS_LIVE, phase_is_live(doc->phase));
    q_json(q, F_EXPERIMENTS_SPEC, doc->spec);
    q_json(q, F_EXPERIMENTS_STATE, doc->state);
    q_time(q, F_EXPERIMENTS_CREATED_AT, doc->created_ns);
    q_time(q, F_EXPERIMENTS_UPDATED_AT, doc->updated_ns);
    if (doc->rev) q_rev(q, doc->rev);
    return q;
}

static void write_hashes(const struct json *arms, struct jw *w)
{
    jw_key(w, "config_hash");
    jw_open(w, '{');
    for (int a = 0; a < ARM_COUNT; a++) {
        const char *hash = json_get_str(json_get(arms, arm_name((enum arm)a)), "config_hash", NULL);
        if (hash) jw_kstr(w, arm_name((enum arm)a), hash);
    }
    jw_close(w, '}');
}

static void write_member(const struct json *state, const char *key, bool empty_object, struct jw *w)
{
    jw_key(w, key);
    const struct json *j = json_get(state, key);
    if (!j && empty_object) {
        jw_open(w, '{');
        jw_close(w, '}');
    } else {
        jw_tree(w, j);
    }
}

static void write_status(const struct exp_doc *doc, struct jw *w)
{
    const struct json *st = doc->state, *out = json_get(st, "out");
    size_t n_hosts = json_len(json_path(doc->spec, "config.target_hosts"));
    jw_open(w, '{');
    jw_ktime(w, "phase_since", json_get_int(st, "phase_since", doc->created_ns));
    jw_ktime(w, "start_time", json_get_int(st, "started", 0));
    jw_ktime(w, "running_since", json_get_int(st, "running_since", 0));
    jw_ktime(w, "end_time", json_get_int(st, "ended", 0));
    jw_kint(w, "active_hosts", phase_is_live(doc->phase) ? (int64_t)(n_hosts - json_len(out)) : 0);
    jw_key(w, "hosts_out");
    if (out) jw_tree(w, out);
    else jw_raw(w, STR("{}"));
    write_hashes(json_get(st, "arms"), w);
    jw_kstr(w, "error", json_get_str(st, "error", NULL));
    write_member(st, "verdict", false, w);
    write_member(st, "kpis", true, w);
    jw_close(w, '}');
}

void exp_doc_write(const struct exp_doc *doc, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "id", doc->id);
    jw_kstr(w, "name", doc->name);
    jw_kstr(w, "description", json_get_str(doc->spec, "description", ""));
    jw_kstr(w, "phase", phase_name(doc->phase));
    jw_key(w, "config");
    jw_tree(w, json_get(doc->spec, "config"));
    jw_key(w, "status");
    write_status(doc, w);
    write_member(doc->spec, "metadata", true, w);
    jw_ktime(w, "created_at", doc->created_ns);
    jw_ktime(w, "updated_at", doc->updated_ns);
    jw_close(w, '}');
}

struct query *exp_event(struct store *st, const char *experiment_id, int64_t at_ns, const char *type,
                        const char *from, const char *to, const char *actor, const char *message)
{
    char id[UUID_LEN + 1];
    uuid7_new(id);
    struct query *q = q_insert(st, C_EVENTS);
    q_text(q, F_EVENTS_EXPERIMENT_ID, experiment_id);
    q_text(q, F_EVENTS_ID, id);
    q_time(q, F_EVENTS_AT, at_ns);
    q_text(q, F_EVENTS_TYPE, type);
    q_text(q, F_EVENTS_FROM_PHASE, from);
    q_text(q, F_EVENTS_TO_PHASE, to);
    q_text(q, F_EVENTS_ACTOR, actor);
    q_text(q, F_EVENTS_MESSAGE, message);
    return q;
}

void exp_event_write(const struct row *row, struct jw *w)
{
    jw_open(w, '{');
    jw_kstr(w, "id", row_text(row, F_EVENTS_ID));
    jw_ktime(w, "at", row_time(row, F_EVENTS_AT));
    jw_kstr(w, "type", row_text(row, F_EVENTS_TYPE));
    jw_kstr(w, "from", row_is_null(row, F_EVENTS_FROM_PHASE) ? NULL : row_text(row, F_EVENTS_FROM_PHASE));
    jw_kstr(w, "to", row_is_null(row, F_EVENTS_TO_PHASE) ? NULL : row_text(row, F_EVENTS_TO_PHASE));
    jw_kstr(w, "actor", row_text(row, F_EVENTS_ACTOR));
    jw_kstr(w, "message", row_text(row, F_EVENTS_MESSAGE));
    jw_close(w, '}');
}
