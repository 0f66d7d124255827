/* SPDX-License-Identifier: Apache-2.0 */
/* A census that passes its schema and its check can be added and shown, and what is shown passes its own
 * schema. */
#include <stdlib.h>
#include "core/api/types.h"
#include "core/experiment/census.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct faults faults;
    struct census_view view = { .has_arm = { true, true }, .limit = 50 };
    char *copy = malloc(size ? size : 1);
    require(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    CLEANUP_JSON struct json *doc = json_parse((struct str){ copy, size }, NULL, NULL), *shown = NULL;
    free(copy);
    if (!doc || !schema_check(&type_census, doc, &faults) || !census_check(doc, "", &faults))
        return 0;
    struct census_sum *sum = census_sum_new();
    CLEANUP_BUF struct buf out;
    struct jw w;
    for (int i = 0; i < 3; i++)
        census_sum_add(sum, i % 2 ? ARM_CANDIDATE : ARM_BASELINE, doc);
    buf_init(&out, 16 << 20);
    jw_init(&w, &out);
    jw_open(&w, '{');
    jw_kstr(&w, "experiment_id", "0190c9a0-0000-7000-8000-000000000001");
    jw_kstr(&w, "state", "measured");
    jw_kstr(&w, "reason", NULL);
    jw_kint(&w, "hosts", 1);
    jw_kint(&w, "hosts_left_out", 0);
    census_sum_times(sum, &w);
    census_write_series(sum, &view, &w);
    jw_close(&w, '}');
    census_sum_free(sum);
    shown = json_parse(buf_str(&out), NULL, NULL);
    require(shown && schema_check(&type_cardinality, shown, &faults));
    return 0;
}
