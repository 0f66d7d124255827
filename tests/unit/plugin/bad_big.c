/* SPDX-License-Identifier: Apache-2.0 */
/* Says that it is larger than its symbol is. */
#define BAD_SIZE 4000
#include "tests/unit/plugin/bad.h"
