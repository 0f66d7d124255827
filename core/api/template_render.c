/* SPDX-License-Identifier: Apache-2.0 */
/* From a template and parameters to the bytes that agents get. */
#include <stdio.h>
#include <string.h>
#include "core/api/pipelines.h"
#include "core/base/limits.h"

#define NATIVE "native"

void rendered_done(struct rendered *r)
{
    json_free(r->files);
    json_free(r->warnings);
    *r = (struct rendered){ 0 };
}

/* The user's values, then those of the asker, then the template's defaults. */
static struct json *merge(const struct template *t, const struct render_ask *ask)
{
    struct json *values = ask->parameters ? json_copy(ask->parameters) : json_object();
    const char *key;
    const struct json *value;
    for (size_t i = 0; json_member(ask->extra, &i, &key, &value);) {
        if (json_get(t->parameters, key) && !json_get(values, key)) {
            json_set(values, key, json_copy(value));
        }
    }
    schema_defaults(t->schema, values);
    return values;
}

static int check_values(const struct template *t, const struct json *values, const char *pointer,
                        struct faults *faults, struct err *err)
{
    struct faults own;
    if (!schema_check(t->schema, values, &own)) {
        for (unsigned i = 0; i < own.n && i < FAULTS_MAX; i++) {
            char at[sizeof own.at[0].pointer];
            snprintf(at, sizeof at, "%s/parameters%s", pointer, own.at[i].pointer);
            fault_add(faults, at, "%s", own.at[i].msg);
        }
    }
    /* Without a value a placeholder would become null. */
    const char *key;
    const struct json *property;
    for (size_t i = 0; own.n == 0 && json_member(t->parameters, &i, &key, &property);) {
        if (!json_get(values, key)) {
            char at[sizeof own.at[0].pointer];
            snprintf(at, sizeof at, "%s/parameters/%s", pointer, key);
            fault_add(faults, at, "is missing, and has no default");
        }
    }
    if (faults->n) {
        return err_set(err, ERR_INVALID, "%s: %s", faults->at[0].pointer, faults->at[0].msg);
    }
    return 0;
}

/* SHA-256 over name NUL content NUL of each file; see doc/protocol.md. */
static void hash_files(const struct json *files, char out[static sizeof "sha256:" + SHA256_HEX_LEN])
{
    CLEANUP_BUF struct buf all;
    buf_init(&all, 2 * LIMIT_RENDERED_BYTES);
    for (size_t i = 0; i < json_len(files); i++) {
        const struct json *f = json_at(files, i);
        struct str name = json_text(json_get(f, "name")), content = json_text(json_get(f, "content"));
        buf_add_str(&all, name);
        buf_addc(&all, '\0');
        buf_add_str(&all, content);
        buf_addc(&all, '\0');
    }
    memcpy(out, "sha256:", 7);
    sha256_hex(buf_str(&all), out + 7);
}

static int check_result(const struct backend *b, const struct template *t, struct words *w, struct err *err)
{
    if (json_len(w->files) == 0) {
        return err_set(err, ERR_INTERNAL, "%s: rendered no file", b->name);
    }
    struct str config = json_text(json_get(json_at(w->files, 0), "content"));
    int rc = backend_check(b, config, w, err);
    if (rc == 0 && json_len(w->errors) > 0) {
        const struct json *first = json_at(w->errors, 0);
        rc = err_set(err, ERR_CONFIG, "template \"%s\" renders to a config that %s refuses: %s: %s", t->name,
                     b->name, json_get_str(first, "at", ""), json_get_str(first, "message", ""));
    }
    return rc;
}

static struct json *flatten(const struct json *warnings)
{
    struct json *texts = json_array();
    for (size_t i = 0; i < json_len(warnings); i++) {
        const struct json *w = json_at(warnings, i);
        CLEANUP_BUF struct buf text;
        buf_init(&text, LIMIT_RENDERED_BYTES);
        buf_addf(&text, "%s: %s", json_get_str(w, "at", ""), json_get_str(w, "message", ""));
        json_add_str(texts, buf_cstr(&text));
    }
    return texts;
}

/* What a backend refuses where somebody gave values, and not only the template, is taken for their fault. */
static int blame(const struct render_ask *ask, struct faults *faults, struct err *err)
{
    if (err->code != ERR_CONFIG || json_len(ask->parameters) + json_len(ask->extra) == 0) {
        return err->code;
    }
    char at[sizeof faults->at[0].pointer];
    snprintf(at, sizeof at, "%s/parameters", ask->pointer ? ask->pointer : "");
    fault_add(faults, at, "%s", err->msg);
    return err_set(err, ERR_INVALID, "%s: %s", faults->at[0].pointer, faults->at[0].msg);
}

int template_render(struct api *api, const struct render_ask *ask, struct rendered *ret,
                    struct faults *faults, struct err *err)
{
    struct err own = { 0 };
    err = err ? err : &own;
    faults->n = 0;
    *ret = (struct rendered){ 0 };
    const char *collector = ask->collector ? ask->collector : NATIVE;
    const struct template *t = template_find(api->pipelines, collector, ask->name, err);
    const struct backend *b = t ? backend_find(api->pipelines, collector, err) : NULL;
    if (!b) {
        return err->code;
    }
    CLEANUP_JSON struct json *values = merge(t, ask);
    int rc = check_values(t, values, ask->pointer ? ask->pointer : "", faults, err);
    if (rc != 0) {
        return rc;
    }
    struct words words;
    words_init(&words);
    CLEANUP_JSON struct json *pipeline = template_fill(t, values);
    rc = backend_render(b, pipeline, &words, err);
    if (rc == 0) {
        rc = check_result(b, t, &words, err);
    }
    if (rc == 0) {
        ret->files = json_ref(words.files);
        ret->warnings = flatten(words.warnings);
        hash_files(ret->files, ret->config_hash);
    }
    words_done(&words);
    return rc == 0 ? 0 : blame(ask, faults, err);
}
