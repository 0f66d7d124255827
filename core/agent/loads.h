/* SPDX-License-Identifier: Apache-2.0 */
/** @file loads.h
 * Load profiles, each in a phoenix-loadhost of its own that dies with the agent. [loop]
 */
#ifndef PHOENIX_AGENT_LOADS_H
#define PHOENIX_AGENT_LOADS_H
#include "core/base/json.h"
#include "core/loop/loop.h"

struct loads_conf {
    struct loop *loop;
    const char *libexec_dir, *plugin_dirs; /**< the latter comma-separated */
    const char *otlp_url; /**< the tee: what the children get as OTEL_EXPORTER_OTLP_ENDPOINT; NULL: off */
    bool allowed;
    const char *targets; /**< hosts beside this one that loads may send to, comma-separated; "" none */
    int64_t grace_ns;
    loop_fn *changed; /**< what a heartbeat shows has changed */
    void *changed_arg;
};
struct loads;
struct loads *loads_new(const struct loads_conf *conf);
void loads_free(struct loads *l); /**< kills what runs; NULL allowed */
/** Start what the document { "task_id", "experiment_id", "config" } says. A load of that id that runs
 *  is taken as it is. Errors: INVALID, FORBIDDEN, LIMIT, CHILD. */
int loads_start(struct loads *l, const struct json *doc, int *ret_pid, struct err *err) MUST_CHECK;
typedef void loads_done_fn(void *arg, bool ran);
/** Stop a load; done() comes once, maybe at once. */
void loads_stop(struct loads *l, const char *id, loads_done_fn *done, void *arg);
typedef void loads_changed_fn(void *arg, const struct err *err);
/** Change a load that runs: @p config has "id", and "factor" or "rate". done() comes once, maybe at once;
 *  @p err NULL: it is changed. Errors: NOTFOUND, UNSUPPORTED with what the load host said. */
void loads_adjust(struct loads *l, const struct json *config, loads_changed_fn *done, void *arg);
void loads_shutdown(struct loads *l, loop_fn *done, void *arg);
/** Figures of a load are others than when this was asked last: no news, but to be told with the next
 *  heartbeat. */
bool loads_moved(struct loads *l);
/** All loads as an array, as doc/protocol.md has it. Ended ones are shown for a while. */
void loads_write(const struct loads *l, struct jw *w);
#endif
