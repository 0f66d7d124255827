/* SPDX-License-Identifier: Apache-2.0 */
/** @file state.h
 * The agent's memory across restarts: state.json, replaced whole by rename, and the lock of its folder.
 *
 * Rooms write their own sections and read them back as a tree that was checked for its size and
 * grammar only: what is in it must be judged like any input. [loop]
 */
#ifndef PHOENIX_AGENT_STATE_H
#define PHOENIX_AGENT_STATE_H
#include "core/base/json.h"
#include "core/loop/loop.h"

/** Writes one or more members ("instances": [...]) of the state's object. */
typedef void state_section_fn(void *arg, struct jw *w);
struct state;
/** Make the folder, take its lock. Errors: CONFLICT when another agent has it, IO, CONFIG. */
struct state *state_open(struct loop *l, const char *dir, struct err *err);
void state_close(struct state *s); /**< gives the lock back; NULL allowed */
/** What was written last. NULL: nothing, or unreadable, in which case the file is kept beside as
 *  state.json.bad and @p err is set. Caller frees. */
struct json *state_read(struct state *s, struct err *err);
void state_section(struct state *s, state_section_fn *fn, void *arg);
void state_changed(struct state *s); /**< write soon: after this turn of the loop */
void state_save(struct state *s);    /**< write now; failures are logged */
#endif
