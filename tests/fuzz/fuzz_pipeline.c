/* SPDX-License-Identifier: Apache-2.0 */
/* A native pipeline that is accepted is written, and what is written is accepted and written the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/collector/native/pipeline.h"

static void require(bool truth)
{
    if (!truth) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pipeline pipeline;
    struct doc_faults faults = { NULL, NULL, 0 };
    size_t n, again_n;
    if (!pipeline_parse(&pipeline, (const char *)data, size, &faults)) {
        require(faults.n > 0);
        return 0;
    }
    char *text = pipeline_write(&pipeline, &n);
    require(text && pipeline_parse(&pipeline, text, n, &faults));
    char *again = pipeline_write(&pipeline, &again_n);
    require(again && n == again_n && !memcmp(text, again, n));
    free(text);
    free(again);
    return 0;
}
