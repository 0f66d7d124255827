/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process that maps it. */
#include <unistd.h>
#include "tests/unit/plugin/bad.h"
static void __attribute__((constructor)) leave(void)
{
    _exit(0);
}
