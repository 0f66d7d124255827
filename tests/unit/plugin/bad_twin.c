/* SPDX-License-Identifier: Apache-2.0 */
/* Fine by itself; has the id of the template. */
#define BAD_NAME "twin"
#define BAD_ID "org.example.phoenix-template"
#include "tests/unit/plugin/bad.h"
