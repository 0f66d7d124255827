/* SPDX-License-Identifier: Apache-2.0 */
/* Fine by itself; has the name of the template. */
#define BAD_NAME "template"
#define BAD_ID "org.example.duplicate"
#include "tests/unit/plugin/bad.h"
