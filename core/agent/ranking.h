/* SPDX-License-Identifier: Apache-2.0 */
/** @file ranking.h
 * Follows the processes of this host for one collector, on a thread of its own. [loop]
 */
#ifndef PHOENIX_AGENT_RANKING_H
#define PHOENIX_AGENT_RANKING_H
#include "core/base/str.h"
#include "core/loop/loop.h"

struct ranking;
/** A look is over: @p names is a JSON array, as rank_look() says; borrowed. */
typedef void ranking_fn(void *arg, struct str names);
/** @p text as rank_new() wants it. NULL: @p err says why. Nothing is looked at yet. */
struct ranking *ranking_new(struct loop *l, const char *text, ranking_fn *looked, void *arg, struct err *err);
void ranking_free(struct ranking *r); /**< NULL allowed; looked() does not come any more */
/** Look here and now. The names are the caller's to free(); NULL: they could not be read. */
char *ranking_now(struct ranking *r, struct err *err);
void ranking_start(struct ranking *r); /**< from now on, each `every` */
#endif
