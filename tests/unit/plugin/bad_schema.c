/* SPDX-License-Identifier: Apache-2.0 */
/* With a schema that is none. */
#define BAD_SCHEMA "{\"type\":\"object\",\"properties\":"
#include "tests/unit/plugin/bad.h"
