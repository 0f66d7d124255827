/* SPDX-License-Identifier: Apache-2.0 */
/* What yaml_parse() accepts is JSON: it is written as JSON that json_check() takes, and as YAML that
 * reads back as the same tree. */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/yaml.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf json CLEANUP_BUF, yaml CLEANUP_BUF;
    struct err err = { 0 };
    buf_init(&json, 64 << 20);
    buf_init(&yaml, 64 << 20);
    struct json *j CLEANUP_JSON = yaml_parse((struct str){ (const char *)data, size }, NULL, &err);
    require(j || err.msg[0]);
    if (!j)
        return 0;
    json_write(j, &json);
    require(json_check(buf_str(&json), NULL, &err) == 0);
    yaml_write(j, &yaml);
    struct json *again CLEANUP_JSON =
        yaml_parse(buf_str(&yaml), &(struct json_limits){ .max_bytes = 64 << 20 }, &err);
    require(again && json_equal(j, again));
    return 0;
}
