/* SPDX-License-Identifier: Apache-2.0 */
/** @file values.h
 * The special scalars of a pipeline document. A value is never pasted into text: in OTTL it becomes a
 * literal, a secret becomes the name of a variable, and no text may ask the collector for more than the
 * variables that Phoenix sets for it (otelcol.md). Pure.
 */
#ifndef PHOENIX_OTELCOL_VALUES_H
#define PHOENIX_OTELCOL_VALUES_H
#include "plugins/collector/otelcol/tree.h"

enum { VALUES_MAX_SECRETS = 8, VALUES_MAX_KEY = 256 };
struct values {
    struct doc_faults *faults;
    bool lets_all; /**< texts may say any ${...}: the collector never sees them */
    bool out_of_memory;
    unsigned n_secrets;
    const char *secrets[VALUES_MAX_SECRETS]; /**< PHX_SECRET_1 is the first; borrowed from the document */
};
/** Turn each special scalar below @p root into the text that it stands for, and look at all others. */
void values_resolve(struct values *v, struct doc_node *root);

/** What a `$` in a text would do; `at` is moved behind it. */
enum dollar {
    DOLLAR_NONE,    /**< there is none any more */
    DOLLAR_OURS,    /**< ${env:NAME} of a variable that Phoenix sets; but for the secrets */
    DOLLAR_SECRET,  /**< ${env:PHX_SECRET_1} */
    DOLLAR_FOREIGN, /**< ${...} of anything else */
    DOLLAR_OLD      /**< $NAME, as collectors took it before 0.107 */
};
enum dollar values_dollar(const char **at);
#endif
