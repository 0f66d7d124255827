/* SPDX-License-Identifier: Apache-2.0 */
/** @file load.h
 * Operators: tasks are enqueued at a rate that does not depend on the answers. Number k is due k / rate
 * after the start of measuring, whatever became of the ones before. Several processes take turns: their
 * tasks are due between each other's, not at once.
 */
#ifndef PHOENIX_SWARM_LOAD_H
#define PHOENIX_SWARM_LOAD_H
#include "tools/swarm/swarm.h"

void load_init(struct swarm *s);  /**< makes s->load and s->ledger */
void load_start(struct swarm *s); /**< s->measured_ns is the time of number 0 */
uint32_t load_count_due(const struct swarm *s); /**< how many were due by now */
bool load_is_over(const struct swarm *s); /**< all were sent and answered */
void load_done(struct swarm *s);
int64_t load_due(const struct swarm *s, uint32_t number);
uint32_t load_host(const struct swarm *s, uint32_t number); /**< index of the agent that it is for */
bool load_fails(const struct swarm *s, uint32_t number);    /**< how its host will end it */
#endif
