/* SPDX-License-Identifier: Apache-2.0 */
/** @file files.h
 * Small files of the state folder: written whole by rename, read at the end, removed by folder.
 * Everything is made with mode 0600 or 0700.
 */
#ifndef PHOENIX_AGENT_FILES_H
#define PHOENIX_AGENT_FILES_H
#include <stdbool.h>
#include "core/base/buf.h"
#include "core/base/err.h"

/** A plain file name: [A-Za-z0-9._-]+, at most 100 bytes, no leading dot. No folder can be said. */
bool file_name_ok(struct str name);
/** Make a folder (mode 0700); one that is there is fine if it is the caller's own. */
int folder_make(const char *path, struct err *err) MUST_CHECK;
/** Remove a folder of plain files; missing ones are fine. Sub-folders are not entered. */
int folder_remove(const char *path, struct err *err);
/** Replace @p dir/@p name by rename, so that nobody sees half of it. @p durable: also after a power
 *  failure. */
int file_write(const char *dir, const char *name, struct str content, bool durable,
               struct err *err) MUST_CHECK;
/** Open for appending, for the output of a child. -1 and an error. */
int file_append_open(const char *path, struct err *err);
/** The last @p max bytes from offset @p from on, cut at the start of a line where one begins. */
void file_tail(const char *path, uint64_t from, size_t max, struct buf *out);
uint64_t file_size(const char *path); /**< 0 if there is none */
#endif
