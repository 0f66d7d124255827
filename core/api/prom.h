/* SPDX-License-Identifier: Apache-2.0 */
/** @file prom.h
 * Samples of an experiment from Prometheus. [loop]
 */
#ifndef PHOENIX_API_PROM_H
#define PHOENIX_API_PROM_H
#include "core/api/api.h"
#include "core/experiment/analysis.h"
#include "core/loop/lane.h"

struct prom;
/** Uses prometheus.url and .timeout of the settings. Errors: CONFIG. */
struct prom *prom_new(const struct api *api, struct err *err);
void prom_free(struct prom *p); /**< nothing is being read; NULL allowed */

struct prom_ask { /**< borrowed until done */
    const char *experiment_id;
    const char **hosts;     /**< in the order of their names */
    size_t n_hosts;
    int64_t from_ns, to_ns; /**< of scrapes, wall */
    struct lane *lane;      /**< answers are taken apart here */
    struct arena *arena;    /**< the samples live as long as this */
};
/** @p err NULL: @p samples is all that Prometheus has, maybe nothing. */
typedef void prom_done_fn(void *arg, const struct sample *samples, size_t n, const struct err *err);
/** done() comes exactly once, later. All queries together take prometheus.timeout at most. Logs once when
 *  Prometheus goes away and once when it is back. */
void prom_read(struct prom *p, const struct prom_ask *ask, prom_done_fn *done, void *arg);
/** The program ends: what is being read ends soon, what is asked for from now on at once. */
void prom_drain(struct prom *p);
#endif
