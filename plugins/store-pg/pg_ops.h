/* SPDX-License-Identifier: Apache-2.0 */
/** @file pg_ops.h
 * An operation's way through the driver.
 *
 * job: an operation between submit and done. It waits in the queue of a lane (one connection) until the
 * lane's group on the wire is back. Then all that waits becomes the next group: one pipeline, one
 * transaction, one commit. A group consists of steps, one statement each; requests of equal shape share a
 * step, as arrays. A step's part is one request in it.
 */
#ifndef PHOENIX_STORE_PG_OPS_H
#define PHOENIX_STORE_PG_OPS_H
#include "pg_priv.h"
#include "shape.h"

enum {
    GROUP_JOBS = 512,           /**< operations that travel together */
    GROUP_BYTES = 4 << 20,      /**< or so many bytes of them */
    PARAMS_BYTES = 256 << 20,   /**< more is refused: LIMIT */
    MAX_KEY = 8,                /**< fields of a key that is looked up by arrays */
    STEP_MEMBERS = 256,         /**< of a batch in one step; each new one is compared with all of them */
    MAX_IN_KEYED = 8,           /**< values of an IN that is written out */
    RETRIES = 3                 /**< after a deadlock, and for a partition that is missing */
};

struct job {
    struct job *next;
    phx_op *op;
    const phx_req *req;
    phx_status status;
    uint64_t n;
    uint32_t rollbacks;         /**< of groups that it was in: the second one sends it alone */
    uint32_t tries;             /**< again after a deadlock, or with a new partition */
    phx_mono since;             /**< when it was submitted */
    size_t bytes;               /**< its values, about */
    bool alone;                 /**< in a transaction of its own */
    bool exact;                 /**< BATCH: a step for each member, so that the step that fails names it */
    bool repeats;               /**< some of its rows are there already */
    bool cancelled;
    bool resent;
    char why[WHY_MAX];
};

enum verb {
    VERB_PING,
    /* over arrays */
    VERB_UPSERT, /**< PUT */
    VERB_INSERT, /**< PUT of records that must not exist */
    VERB_APPEND, /**< PUT into an append-only collection */
    VERB_PUT_IF, /**< PUT of records with a known revision */
    VERB_UPDATE_KEYED,
    VERB_DELETE_KEYED,
    VERB_GET,
    /* one request each */
    VERB_SCAN,
    VERB_UPDATE,
    VERB_DELETE
};

struct part {
    struct job *job;
    const phx_req *r;           /**< the job's, or a member of its batch */
    uint32_t member;
};

struct step {
    struct step *next;
    enum verb verb;
    struct decl *d;             /**< NULL: PING */
    bool must;                  /**< what is not found is an error that rolls back, not an answer */
    bool counts;                /**< of a batch: how many in all is enough, whose they are is not asked */
    uint32_t key_at[MAX_KEY];   /**< UPDATE_KEYED: the conditions that name the key */
    struct part *parts;
    uint32_t n, cap;
    PGresult *result;
};

/* ---- step.c: which statement serves a request, and whom it may serve besides */
struct steps {
    struct step *first, **tail;
    bool failed;                /**< out of memory */
};
void steps_init(struct steps *s);
void steps_free(struct steps *s);
/** Add all that @p j asks for. */
void steps_add(struct steps *s, const phx_self *self, struct job *j);
/** When all is added: parts in the order of their keys, no key twice in one step. */
void steps_finish(struct steps *s);
/** Field @p f is a column of the answer to @p r. */
bool step_wants(const phx_req *r, uint32_t f);
const phx_cell *part_key(const struct step *s, const struct part *p, uint32_t i);
uint32_t part_rows(const struct step *s, const struct part *p);
int cell_compare(const phx_cell *a, const phx_cell *b);

/* ---- params.c: values in PostgreSQL's binary form */
struct params {
    char *data;
    size_t size, cap;
    Oid *types;
    size_t *at;                 /**< where each one begins in data; SIZE_MAX: null */
    int *lengths;
    const char **values;
    int *formats;
    uint32_t n, n_cap;
    size_t head;                /**< of the array that is being written */
    bool failed, too_big;
};
void params_reset(struct params *p);
void params_free(struct params *p);
void params_cell(struct params *p, uint32_t type, const phx_cell *c);
void params_int(struct params *p, uint32_t type, int64_t v);
/** An array: begin, its values, end. */
void params_array(struct params *p, uint32_t type, uint32_t n);
void params_put(struct params *p, uint32_t type, const phx_cell *c);
void params_array_end(struct params *p);
bool params_finish(struct params *p); /**< values[] is ready */

/* ---- sql.c: text and values of a step, made together so that they agree */
struct build {
    struct text sql;
    struct params params;
};
/** PHX_OK, NOMEM or LIMIT. */
phx_status sql_build(struct build *b, const struct step *s);

/* ---- answer.c */
/** Read a step's result: rows to their operations, counts and statuses into the jobs. */
void answer_step(const struct step *s);

/* ---- prepared.c: the statements that a session knows, by their text */
struct prepared;
struct prepared_set {
    struct prepared *first;     /**< a hash */
    uint32_t n, last_id;
};
enum { PREPARED_MAX = 256, PREPARED_NAME = 16 };
/** @p ret_new: it must be prepared first. NULL: out of memory. */
struct prepared *prepared_get(struct prepared_set *set, const char *sql, bool *ret_new);
void prepared_name(const struct prepared *p, char ret[PREPARED_NAME]);
void prepared_drop(struct prepared_set *set, struct prepared *p);
void prepared_drop_all(struct prepared_set *set);

/* ---- wire.c: a group as one pipeline, with one Sync */
struct wire {
    struct build build;
    struct prepared_set prepared;
    struct expected {
        struct step *step;      /**< NULL: of nobody's interest */
        struct prepared *prepared; /**< it is the answer to its PREPARE */
    } *expected;                /**< answers, in their order */
    uint32_t n, at, cap;
    struct step *failed;        /**< the first one that failed; those behind it were not done */
    PGresult *error;            /**< why */
};
/** Give the statements of all steps to libpq. False: the connection is of no use any more. */
bool wire_send(struct wire *w, PGconn *pg, struct steps *steps);
/** Take what has come. True: all of the group is there. */
bool wire_take(struct wire *w, PGconn *pg);
void wire_reset(struct wire *w, bool lost); /**< @p lost: the session is gone, and its statements */
void wire_free(struct wire *w);

/* ---- lane.c */
struct lane *lane_new(phx_self *self, enum lane_id id);
void lane_free(struct lane *l);
void lane_start(struct lane *l);
void lane_hurry(struct lane *l); /**< the server is there again */
void lane_stop(struct lane *l); /**< when nothing is under way */
void lane_submit(struct lane *l, struct job *j);
bool lane_cancel(struct lane *l, phx_op *op); /**< false: not one of mine */
void lane_look(struct lane *l, phx_mono now); /**< deadlines; called ten times a second while there is work */
bool lane_is_idle(const struct lane *l);

/* ---- route.c */
void route_submit(phx_self *self, phx_op *op, const phx_req *req);
void route_cancel(phx_self *self, phx_op *op);
void job_done(struct job *j); /**< answers, frees */

/* ---- plugin.c */
/** A connection of open() is there, or could not be made. */
void open_step(phx_self *self, phx_status status, const char *why);
/** One connection has found the server again: the others need not wait. */
void all_hurry(phx_self *self);
#endif
