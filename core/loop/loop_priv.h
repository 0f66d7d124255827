/* SPDX-License-Identifier: Apache-2.0 */
/** @file loop_priv.h  What lanes know of the loop. */
#ifndef PHOENIX_LOOP_LOOP_PRIV_H
#define PHOENIX_LOOP_LOOP_PRIV_H
#include "core/loop/loop.h"

/** [loop] Another thread will post to this loop once more: loop_free() waits for it. */
void loop__hold(struct loop *l);
/** [loop] It has. */
void loop__release(struct loop *l);
#endif
