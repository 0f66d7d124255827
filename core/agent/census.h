/* SPDX-License-Identifier: Apache-2.0 */
/** @file census.h
 * What the series of an exposition are made of: metrics by series, labels by series and by different values,
 * the values that most series carry, and the labels of the largest metrics. Two passes over the text and a
 * fixed amount of memory, however many series there are; what does not fit is bounded, not forgotten
 * (heavy.h, core/base/sketch.h). The text is not trusted. Pure.
 *
 * A series is a sample line that expo_scan() counts; a label with an empty value is none. A metric is the
 * name that a line starts with: NAME_bucket, NAME_sum and NAME_count of a histogram are three.
 */
#ifndef PHOENIX_AGENT_CENSUS_H
#define PHOENIX_AGENT_CENSUS_H
#include "core/base/json.h"

struct census;
/** @p exposition must outlive the census. */
struct census *census_take(struct str exposition);
void census_free(struct census *c); /**< NULL allowed */
/** The members "series" to "labels" of type census of types.def, into an open object: 480 KiB at most. */
void census_write(const struct census *c, struct jw *w);
#endif
