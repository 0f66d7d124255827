/* SPDX-License-Identifier: Apache-2.0 */
/* What json_check() accepts becomes a tree, json-c's own strict parser takes it too, and what the tree
 * writes is accepted again and equal. What it refuses becomes no tree. The text is copied to memory of
 * exactly its size, so that a read beyond it is seen. */
#include <json-c/json_tokener.h>
#include <stdint.h>
#include <stdlib.h>
#define json_bool ours_json_bool     /* names of json-c's types */
#define json_object ours_json_object
#include "core/base/json.h"
#undef json_bool
#undef json_object

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_json_c(struct str text)
{
    struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH + 1);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *o = json_tokener_parse_ex(tok, text.p, (int)text.n);
    enum json_tokener_error why = json_tokener_get_error(tok);
    /* json-c wants more when a number could still go on */
    require(why == json_tokener_success || why == json_tokener_continue);
    json_object_put(o);
    json_tokener_free(tok);
}

static void check_round(const struct json *j, void (*write)(const struct json *, struct buf *))
{
    struct buf out CLEANUP_BUF;
    struct err err = { 0 };
    buf_init(&out, 64 << 20);
    write(j, &out);
    struct json *again CLEANUP_JSON = json_parse(buf_str(&out), NULL, &err);
    require(again && json_equal(j, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct str text = { copy, size };
    struct err err = { 0 };
    int rc = json_check(text, NULL, &err);
    struct json *j CLEANUP_JSON = json_parse(text, NULL, &err);
    require(rc == 0 || !j);
    require(rc == 0 ? j || strstr(err.msg, "only null") : err.msg[0] != '\0');
    if (rc == 0)
        check_json_c(text);
    if (j) {
        check_round(j, json_write);
        check_round(j, json_write_pretty);
        struct json *copied CLEANUP_JSON = json_copy(j);
        require(json_equal(j, copied));
    }
    free(copy);
    return 0;
}
