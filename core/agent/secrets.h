/* SPDX-License-Identifier: Apache-2.0 */
/** @file secrets.h
 * Secrets by name: the files of one folder, read when a collector starts, and cut out of what it prints.
 * [loop]
 */
#ifndef PHOENIX_AGENT_SECRETS_H
#define PHOENIX_AGENT_SECRETS_H
#include "core/base/buf.h"
#include "core/base/err.h"

enum { SECRET_BYTES_MIN = 4, SECRET_BYTES_MAX = 4096 };
struct secrets;
/** All secrets that are in @p dir now are known, so that they are cut out of what a collector prints that an
 *  earlier agent started. "": there are none. */
struct secrets *secrets_new(const char *dir);
void secrets_free(struct secrets *s); /**< NULL allowed */
/** What stands in the file @p name now, without the newline at its end; borrowed until the next call.
 *  Errors: NOTFOUND, FORBIDDEN: others may read it, INVALID: not a line of text of that size. */
int secrets_get(struct secrets *s, const char *name, struct str *ret, struct err *err) MUST_CHECK;
/** Add @p text to @p out with "[secret]" in place of every secret that was ever known. */
void secrets_cut(const struct secrets *s, struct str text, struct buf *out);
#endif
