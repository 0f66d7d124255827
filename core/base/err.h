/* SPDX-License-Identifier: Apache-2.0 */
/** @file err.h
 * Errors are values: a code that programs act on and a sentence that people act on.
 *
 * A function with more than one way to fail returns 0 or a negative code and takes `struct err *`
 * last, which may be NULL. The text is lower case, without a full stop; it names the kind of object
 * and quotes what the user gave. "could not": may work later; "cannot": never will.
 */
#ifndef PHOENIX_BASE_ERR_H
#define PHOENIX_BASE_ERR_H
#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

enum err_code {
    ERR_OK = 0,
#define ERR(name, code, abi, http, type, title, retry, exit_code, when) ERR_##name = code,
#include "core/tables/errors.def"
};

/** Caller-owned, fixed size, usually on the stack. Start with `struct err err = { 0 };`. */
struct err {
    int32_t code;     /**< enum err_code */
    char msg[192];    /**< what happened: experiment "a" is running already */
    char detail[256]; /**< facts for the operator's log; not sent to clients */
    char remedy[160]; /**< what to do about it, when we know; sent to clients */
};

/** A row of errors.def. Static. */
struct err_info {
    int32_t code;
    int32_t abi_status;
    int http_status;
    const char *name;  /**< "NOTFOUND" */
    const char *type;  /**< "not-found": the last part of the problem's type URI */
    const char *title;
    bool retryable;
    int exit_code;
    const char *when;
};

/** Fill @p e (NULL allowed) and return @p code, so that `return err_set(err, ERR_LIMIT, ...)` works. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/** Add the facts for the log to an error that has been set. */
void err_detail(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Add the remedy to an error that has been set. */
void err_remedy(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Put a context before the message: err_prefix(err, "%s:%d: ", file, line). */
void err_prefix(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/** Set from errno: "cannot open \"x\": No such file or directory". */
int err_errno(struct err *e, enum err_code code, int errnum, const char *fmt, ...) PRINTF_LIKE(4, 5);

/** The row of a code; the row of INTERNAL for a code that is not there. */
const struct err_info *err_info(int32_t code);
/** All rows, in the table's order; @p i from 0; NULL at the end. */
const struct err_info *err_info_at(unsigned i);
/** The code for a status that a plugin answered. */
enum err_code err_from_abi(int32_t abi_status);
#endif
