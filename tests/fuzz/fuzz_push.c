/* SPDX-License-Identifier: Apache-2.0 */
/* What is pushed of an exposition is pushed whole of itself: a second pass changes nothing and leaves
 * nothing out. The text is copied to memory of exactly its size. */
#include <stdint.h>
#include <stdlib.h>
#include "core/agent/push_body.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct buf once, twice;
    char *text = malloc(n ? n : 1);
    require(text != NULL);
    if (n > 0)
        memcpy(text, data, n);
    buf_init(&once, 1 << 24);
    buf_init(&twice, 1 << 24);
    push_series((struct str){ text, n }, &once);
    require(push_series(buf_str(&once), &twice) == 0);
    require(str_eq(buf_str(&once), buf_str(&twice)));
    buf_done(&once);
    buf_done(&twice);
    free(text);
    return 0;
}
