/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes as soon as it is mapped. */
#include <stdlib.h>
#include "tests/unit/plugin/bad.h"
static void __attribute__((constructor)) crash(void)
{
    abort();
}
