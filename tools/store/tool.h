/* SPDX-License-Identifier: Apache-2.0 */
/** @file tool.h
 * What the parts of phoenix-store share. Each step begins some jobs on the loop and waits for all of them;
 * so main() reads from top to bottom. SIGINT and SIGTERM end the jobs at their next page.
 */
#ifndef PHOENIX_TOOLS_STORE_TOOL_H
#define PHOENIX_TOOLS_STORE_TOOL_H
#include "core/store/store.h"
#include "tools/store/address.h"
#include "tools/store/digest.h"
#include "tools/store/progress.h"

struct tool {
    struct loop *loop;
    struct registry *registry;
    struct progress progress;
    bool interrupted;
    unsigned jobs; /**< under way: the loop runs as long as there are some */
};
void tool_begin(struct tool *t); /**< one job more */
void tool_end(struct tool *t);   /**< one job less */
/** Until no job is under way. CANCELLED when it was interrupted. */
int tool_wait(struct tool *t, struct err *err) MUST_CHECK;

/** One of the stores of a command. */
struct side {
    struct tool *tool;
    const char *name; /**< "FROM", "TO" */
    struct address address;
    struct store *store;
    struct digest digests[C_COUNT]; /**< of the last reading */
    struct err err;                 /**< of what is under way */
};
/** tool_wait(), then what s->err says. */
int side_wait(struct side *s, struct err *err) MUST_CHECK;
/** Open it. Unless @p may_make, a file that is not there is an error and is not made. */
int side_open(struct side *s, bool may_make, struct err *err) MUST_CHECK;
void side_close(struct side *s);
/** The first collection that has a row, or C_COUNT. */
int side_used(struct side *s, enum collection *ret, struct err *err) MUST_CHECK;
/** CONFLICT while a phoenix-api works on it, as far as that shows: its lease is fresh. */
int side_idle(struct side *s, struct err *err) MUST_CHECK;
/** Delete every row. */
int side_clear(struct side *s, struct err *err) MUST_CHECK;
uint64_t side_rows(const struct side *s); /**< of the digests */

/** Reading all of a store: the digest of each collection, and what a sink does with the rows. */
struct reader {
    struct side *side;
    bool keys_only; /**< count only: digests without SHA-256 */
    void (*sink)(void *arg, enum collection c, const struct row *rows, size_t n); /**< NULL: none */
    /** With a sink: may the next page be read? If not, the sink calls reader_go() later. */
    bool (*ready)(void *arg);
    void *arg;
    const struct digest *expected; /**< rows of each collection, for the progress; NULL: not known */
    /* the reader's own */
    unsigned c;
    struct walk *walk;
    struct hasher *hasher;
    bool reading, over;
};
/** A job, at the end of which side->digests are set, or side->err says why not. */
void reader_start(struct reader *r);
void reader_go(struct reader *r);

/** The rows of each collection, without SHA-256, into the digests. */
int count_rows(struct side *s, struct err *err) MUST_CHECK;
/** Digests of one side, or of both, which are read at the same time; @p b may be NULL. @p rows: how many
 *  there will be, for the progress; 0: not known. */
int digest_rows(struct side *a, struct side *b, uint64_t rows, struct err *err) MUST_CHECK;
/** Every row of @p from into @p to, which is empty. Digests of @p from are of what was copied. */
int copy_rows(struct side *from, struct side *to, struct err *err) MUST_CHECK;
#endif
