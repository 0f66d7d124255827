/* SPDX-License-Identifier: Apache-2.0 */
/** @file words.h
 * Words to the host's sink, until one is refused; what follows is then left out. Pure.
 */
#ifndef PHOENIX_COLLECTOR_WORDS_H
#define PHOENIX_COLLECTOR_WORDS_H
#include <phoenix/plugin.h>

struct words {
    const phx_sink *out;
    phx_status status; /**< of the first that was refused */
};
/** The text may have PATH_MAX bytes and a little more; longer ones are PHX_E_LIMIT. */
void words_put(struct words *w, const char *what, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/** A fault of a document (doc.h) as the word "error"; @p words is a struct words. */
void words_fault(void *words, unsigned line, unsigned column, const char *text);
#endif
