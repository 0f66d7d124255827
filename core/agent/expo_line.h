/* SPDX-License-Identifier: Apache-2.0 */
/** @file expo_line.h
 * One sample line of the Prometheus text format, taken apart from left to right:
 * NAME [{LABEL="VALUE",...}] VALUE [TIMESTAMP]. Nothing is copied; the text is not trusted. Pure.
 */
#ifndef PHOENIX_AGENT_EXPO_LINE_H
#define PHOENIX_AGENT_EXPO_LINE_H
#include <stdbool.h>
#include "core/base/str.h"

struct expo_line {
    const char *p, *end; /* what is left */
    bool in_labels;
};
struct expo_label {
    struct str name, value; /**< the value as it stands between its quotes, escaped */
};
enum expo_found { EXPO_MALFORMED, EXPO_LABEL, EXPO_NO_MORE };

/** Begin with the line @p text, trimmed, no comment. False: it starts with no name. */
bool expo_line_open(struct str text, struct expo_line *l, struct str *ret_name);
/** The next label, until there are no more. */
enum expo_found expo_line_label(struct expo_line *l, struct expo_label *ret);
/** After the labels: the characters of the value, unchecked. False: there are none. */
bool expo_line_value(struct expo_line *l, struct str *ret);
/** Replace the three escapes of a value: backslash, quote, newline. @p out holds raw.n bytes. */
struct str expo_unescape(struct str raw, char *out);
#endif
