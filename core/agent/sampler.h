/* SPDX-License-Identifier: Apache-2.0 */
/** @file sampler.h
 * Reads all arms of an experiment at the same tick and writes one row for each; now and then also a census
 * of each (census.h). [loop]
 */
#ifndef PHOENIX_AGENT_SAMPLER_H
#define PHOENIX_AGENT_SAMPLER_H
#include "core/agent/outbox.h"
#include "core/agent/push.h"
#include "core/agent/supervisor.h"
#include "core/agent/tee.h"

struct sampler;
/** Names of the measures in the order of measures.def, NULL-terminated: what a batch of rows has. */
extern const char *const sampler_measures[];
struct sampler_conf {
    struct loop *loop;
    struct fetcher *fetcher;
    struct supervisor *supervisor;
    struct outbox *out, *census; /**< rows of samples; of censuses */
    struct push *push;     /**< is told of each tick; NULL: nothing is pushed */
    const struct tee *tee; /**< NULL: off */
};
struct sampler *sampler_new(const struct sampler_conf *conf);
void sampler_free(struct sampler *s); /**< NULL allowed */
/** Collectors came, went or changed: look which experiments are to be read, and how often. */
void sampler_changed(struct sampler *s);
#endif
