/* SPDX-License-Identifier: Apache-2.0 */
/* Without a licence. */
#define BAD_LICENSE ""
#include "tests/unit/plugin/bad.h"
