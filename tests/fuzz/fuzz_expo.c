/* SPDX-License-Identifier: Apache-2.0 */
/* An exposition is scanned whole, whatever it holds: no line is counted twice, and names that were
 * kept are some of those that lines can show. The text is copied to memory of exactly its size. */
#include <stdint.h>
#include <stdlib.h>
#include "core/agent/expo.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const critical[] = { "nginx*", "*\"*", "?" };
    char *text = malloc(n ? n : 1);
    require(text != NULL);
    if (n > 0)
        memcpy(text, data, n);
    size_t lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    struct names *names = names_new(critical, 3);
    struct expo e;
    expo_scan((struct str){ text, n }, names, &e);
    require(e.series <= lines && names_count(names) <= e.series);
    require(names_union(names, names) == names_count(names));
    names_free(names);
    free(text);
    return 0;
}
