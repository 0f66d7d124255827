/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of yaml.h only. */
#ifndef PHOENIX_BASE_YAML_PRIV_H
#define PHOENIX_BASE_YAML_PRIV_H
#include "core/base/json.h"
#include "core/base/str.h"

enum yaml_plain { YAML_TEXT, YAML_VALUE, YAML_REFUSED };
/**
 * What a plain scalar is in the core schema of YAML 1.2. VALUE: *ret is null, a bool or a number
 * (caller frees). REFUSED: a number that we cannot hold: NaN, an infinity, beyond int64.
 */
enum yaml_plain yaml__resolve(struct str s, struct json **ret);
#endif
