/* SPDX-License-Identifier: Apache-2.0 */
/* A batch that the scanner takes is JSON, passes its schema, and has as many samples as were handed on;
 * one that it refuses says why. */
#include <stdlib.h>
#include "core/api/samples_scan.h"
#include "core/api/types.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void on_sample(void *arg, const struct samples_batch *batch, const struct sample *sample)
{
    size_t *n = arg;
    require(batch->n_samples == (*n)++);
    require(sample->ts > 0 && sample->variant.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct faults faults, others;
    struct samples_batch batch;
    struct err err = { 0 };
    size_t n = 0;
    char *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct str text = { copy, size };
    faults.n = 0;
    int rc = samples_scan(text, on_sample, &n, &batch, &faults, &err);
    if (rc == 0) {
        struct json *doc CLEANUP_JSON = json_parse(text, NULL, NULL);
        require(doc && schema_check(&type_metrics_batch, doc, &others));
        require(json_len(json_get(doc, "samples")) == n && n == batch.n_samples);
    } else {
        require(rc == ERR_INVALID ? faults.n > 0 : err.msg[0] != '\0');
    }
    free(copy);
    return 0;
}
