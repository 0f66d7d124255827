/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits.h  Constants of limits.def: LIMIT_JSON_DEPTH and so on. */
#ifndef PHOENIX_BASE_LIMITS_H
#define PHOENIX_BASE_LIMITS_H
enum limit_value {
#define LIMIT(name, value, unit, why) LIMIT_##name = value,
#include "core/tables/limits.def"
};
#endif
