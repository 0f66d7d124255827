/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/files.h"
#include "core/agent/spec.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "core/base/mem.h"
#include "core/base/yaml.h"

enum { HASH_INPUT_MAX = 8 << 20, READY_MAX_S = 100 }; /* below the task's time */
#define SPEC_FILE ".task.json"

void spec_hash(const struct json *files, char out[80])
{
    CLEANUP_BUF struct buf text;
    char hex[SHA256_HEX_LEN + 1];
    buf_init(&text, HASH_INPUT_MAX);
    for (size_t i = 0; i < json_len(files); i++) {
        buf_add_str(&text, json_text(json_get(json_at(files, i), "name")));
        buf_addc(&text, '\0');
        buf_add_str(&text, json_text(json_get(json_at(files, i), "content")));
        buf_addc(&text, '\0');
    }
    sha256_hex(buf_str(&text), hex);
    snprintf(out, 80, "sha256:%s", hex);
}

static int take_text(const struct json *config, const char *key, char *out, size_t cap, struct err *err)
{
    struct str s = json_text(json_get(config, key));
    if (s.n == 0 || s.n >= cap || !str_copy(out, cap, s))
        return err_set(err, ERR_INVALID, "config.%s is missing or too long", key);
    return 0;
}

static int take_name(const struct json *config, const char *key, char *out, size_t cap, struct err *err)
{
    int rc = take_text(config, key, out, cap, err);
    if (rc == 0 && !name_valid(str_of(out), false))
        rc = err_set(err, ERR_INVALID, "config.%s: \"%s\" is not a name", key, out);
    return rc;
}

static int take_critical(struct spec *s, const struct json *list, struct err *err)
{
    size_t n = json_len(list);
    if (n > LIMIT_CRITICAL_PROCESSES)
        return err_set(err, ERR_LIMIT, "sampling.critical has more than %d names",
                       LIMIT_CRITICAL_PROCESSES);
    s->critical = mem_calloc(n + 1, sizeof *s->critical);
    for (size_t i = 0; i < n; i++) {
        struct str name = json_text(json_at(list, i));
        if (name.n == 0 || name.n > 256)
            return err_set(err, ERR_INVALID, "sampling.critical holds something that is not a name");
        s->critical[s->n_critical++] = mem_strndup(name);
    }
    return 0;
}

static int check_files(const struct spec *s, const struct json *files, struct err *err)
{
    char hash[80];
    size_t bytes = 0;
    for (size_t i = 0; i < json_len(files); i++)
        bytes += json_text(json_get(json_at(files, i), "content")).n;
    if (json_len(files) == 0 || json_len(files) > PLAN_FILES_MAX || bytes > HASH_INPUT_MAX / 2)
        return err_set(err, ERR_LIMIT, "config.files: none, more than %d, or larger than %d bytes",
                       PLAN_FILES_MAX, HASH_INPUT_MAX / 2);
    spec_hash(files, hash);
    if (!str_eqz(str_of(hash), s->config_hash))
        return err_set(err, ERR_INVALID, "config_hash is \"%s\", but the files have \"%s\"", s->config_hash,
                       hash);
    return 0;
}

static int parse_config(struct spec *s, const struct json *config, struct err *err)
{
    const struct json *sampling = json_get(config, "sampling");
    int rc = take_text(config, "id", s->id, sizeof s->id, err);
    if (rc == 0 && !file_name_ok(str_of(s->id)))
        rc = err_set(err, ERR_INVALID, "config.id: \"%s\" cannot name a collector", s->id);
    if (rc == 0)
        rc = take_name(config, "variant", s->variant, sizeof s->variant, err);
    if (rc == 0)
        rc = take_name(config, "collector", s->backend, sizeof s->backend, err);
    if (rc == 0 && json_get(config, "pipeline"))
        rc = take_name(config, "pipeline", s->pipeline, sizeof s->pipeline, err);
    if (rc == 0)
        rc = take_text(config, "config_hash", s->config_hash, sizeof s->config_hash, err);
    if (rc == 0)
        rc = take_critical(s, json_get(sampling, "critical"), err);
    if (rc == 0)
        rc = check_files(s, json_get(config, "files"), err);
    s->interval_ns = json_get_duration(sampling, "interval", 0);
    s->census_ns = json_get_duration(sampling, "census", 0);
    s->ready_ns = json_get_duration(config, "ready_timeout", 30 * NS_PER_S);
    if (s->interval_ns > 0 && s->interval_ns < 50 * NS_PER_MS)
        s->interval_ns = 50 * NS_PER_MS;
    if (s->ready_ns > READY_MAX_S * NS_PER_S)
        s->ready_ns = READY_MAX_S * NS_PER_S;
    return rc;
}

int spec_parse(struct spec *s, const struct json *doc, struct err *err)
{
    *s = (struct spec){ 0 };
    struct str experiment = json_text(json_get(doc, "experiment_id"));
    str_copy(s->task_id, sizeof s->task_id, json_text(json_get(doc, "task_id")));
    if (experiment.n > 0 && !uuid_valid(experiment))
        return err_set(err, ERR_INVALID, "experiment_id is not a UUID");
    str_copy(s->experiment_id, sizeof s->experiment_id, experiment);
    int rc = parse_config(s, json_get(doc, "config"), err);
    if (rc != 0)
        spec_done(s);
    return rc;
}

void spec_done(struct spec *s)
{
    for (size_t i = 0; i < s->n_critical; i++)
        free(s->critical[i]);
    free(s->critical);
    s->critical = NULL;
    s->n_critical = 0;
}

void spec_deploy(const struct spec *s, const struct json *doc, const struct spec_place *place,
                 struct buf *out)
{
    struct jw w;
    jw_init(&w, out);
    jw_open(&w, '{');
    jw_kstr(&w, "id", s->id);
    jw_kstr(&w, "experiment_id", s->experiment_id[0] ? s->experiment_id : NULL);
    jw_kstr(&w, "variant", s->variant);
    jw_kstr(&w, "host_id", place->host_id);
    jw_kstr(&w, "pipeline", s->pipeline);
    jw_kstr(&w, "config_hash", s->config_hash);
    jw_kstr(&w, "dir", place->dir);
    jw_kstr(&w, "libexec_dir", place->libexec_dir);
    jw_kstr(&w, "address", place->address);
    jw_kint(&w, "port", place->ports[0]);
    jw_key(&w, "ports");
    jw_open(&w, '[');
    for (unsigned i = 0; i < SPEC_PORTS; i++)
        jw_int(&w, place->ports[i]);
    jw_close(&w, ']');
    if (place->processes) {
        jw_key(&w, "processes");
        jw_raw(&w, str_of(place->processes));
    }
    jw_key(&w, "files");
    jw_tree(&w, json_path(doc, "config.files"));
    jw_close(&w, '}');
}

int spec_files(const struct json *doc, struct plan *plan, struct err *err)
{
    const struct json *files = json_path(doc, "config.files");
    for (size_t i = 0; i < json_len(files); i++) {
        const struct json *file = json_at(files, i);
        int rc = plan_file(plan, json_text(json_get(file, "name")), json_text(json_get(file, "content")),
                           err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int spec_store(const char *dir, const struct json *doc, struct err *err)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_JSON_BYTES);
    json_write(doc, &text);
    return file_write(dir, SPEC_FILE, buf_str(&text), false, err);
}

struct json *spec_load(const char *dir, struct err *err)
{
    char path[4096];
    CLEANUP_BUF struct buf text;
    buf_init(&text, LIMIT_JSON_BYTES);
    snprintf(path, sizeof path, "%s/%s", dir, SPEC_FILE);
    return file_read(path, LIMIT_JSON_BYTES, &text, err) == 0 ? json_parse(buf_str(&text), NULL, err)
                                                              : NULL;
}
