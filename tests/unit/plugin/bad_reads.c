/* SPDX-License-Identifier: Apache-2.0 */
/* Is loaded, but reads one element too far. */
#define BAD_CELLS \
    double sum = 0; \
    for (uint64_t i = 0; i <= w->n; i++) { \
        sum += ((const volatile double *)w->in[0])[i]; \
    } \
    (void)sum;
#include "tests/unit/plugin/bad.h"
