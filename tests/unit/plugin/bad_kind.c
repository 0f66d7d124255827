/* SPDX-License-Identifier: Apache-2.0 */
/* Of a kind that nobody knows. */
#define BAD_KIND "org.example.alerting/1"
#include "tests/unit/plugin/bad.h"
