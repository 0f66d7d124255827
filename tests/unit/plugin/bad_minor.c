/* SPDX-License-Identifier: Apache-2.0 */
/* Needs a release that there is not. */
#define BAD_MINOR 999
#include "tests/unit/plugin/bad.h"
