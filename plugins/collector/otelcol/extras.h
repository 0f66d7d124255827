/* SPDX-License-Identifier: Apache-2.0 */
/** @file extras.h
 * What a pipeline document asks of Phoenix and not of the collector: its member `phoenix` (otelcol.md). It
 * travels beside the config in a file of its own, from render() to launch(). Pure.
 */
#ifndef PHOENIX_OTELCOL_EXTRAS_H
#define PHOENIX_OTELCOL_EXTRAS_H
#include "plugins/collector/otelcol/tree.h"

#define EXTRAS_FILE "phoenix.json"
enum { EXTRAS_MAX_MEMORY_MIB = 1 << 20, EXTRAS_MAX_K = 10000 };

/** Check the member's text: known keys, sane values. @p extras is a map. */
void extras_check(const struct doc_node *extras, const struct place *place, struct doc_faults *faults);
#endif
