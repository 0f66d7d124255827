/* SPDX-License-Identifier: Apache-2.0 */
/** @file describe.h
 * A plan from its description, in YAML (of which JSON is a part). The text comes from users: everything in it
 * is limited, and each fault is told with line and column. Pure.
 */
#ifndef PHOENIX_OTLPGEN_DESCRIBE_H
#define PHOENIX_OTLPGEN_DESCRIBE_H
#include "plugins/collector/common/doc.h"
#include "plugins/otlpgen/plan.h"

/** True: @p ret is a plan (end it with plan_done()). False: it is empty, the faults say why. */
bool describe(const char *text, size_t n, struct plan *ret, struct doc_faults *faults);
#endif
