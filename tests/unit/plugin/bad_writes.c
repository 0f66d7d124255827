/* SPDX-License-Identifier: Apache-2.0 */
/* Is loaded, but writes into what it was lent. */
#define BAD_CELLS *(volatile double *)(uintptr_t)w->in[0] = 0;
#include "tests/unit/plugin/bad.h"
