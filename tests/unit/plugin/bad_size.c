/* SPDX-License-Identifier: Apache-2.0 */
/* Smaller than the first release. */
#define BAD_SIZE 16
#include "tests/unit/plugin/bad.h"
