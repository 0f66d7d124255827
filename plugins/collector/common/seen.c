/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/common/seen.h"
#include <phoenix/helpers.h>
#include "plugins/collector/common/doc.h"

enum { WHY_BYTES = 160 };

/* Also an exit with status 0 is an end that nobody asked for: some collectors give up that way. */
static uint32_t judge_dead(const struct doc_node *seen, char why[WHY_BYTES])
{
    uint64_t signo = 0, code = 0;
    if (doc_uint(doc_get(seen, "signal"), &signo) && signo)
        (void)snprintf(why, WHY_BYTES, "it was ended by signal %llu", (unsigned long long)signo);
    else if (doc_uint(doc_get(seen, "exit_code"), &code))
        (void)snprintf(why, WHY_BYTES, "it ended with status %llu", (unsigned long long)code);
    else (void)snprintf(why, WHY_BYTES, "it does not run");
    return PHX_DOWN;
}

static uint32_t judge(const struct doc_node *seen, char why[WHY_BYTES])
{
    bool alive = false, ready = false;
    uint64_t failures = 0;
    (void)doc_bool(doc_get(seen, "alive"), &alive);
    (void)doc_bool(doc_get(seen, "ready"), &ready);
    (void)doc_uint(doc_get(seen, "probe_failures"), &failures);
    if (!alive) return judge_dead(seen, why);
    if (!ready) {
        (void)snprintf(why, WHY_BYTES, "its health page has not answered yet");
        return PHX_STARTING;
    }
    if (!failures) return PHX_UP;
    (void)snprintf(why, WHY_BYTES, "%llu probes in a row failed", (unsigned long long)failures);
    return PHX_DEGRADED;
}

phx_status seen_health(const phx_host *host, phx_str text, const phx_sink *out, uint32_t *ret_state)
{
    struct doc_first first;
    doc_first_init(&first);
    struct doc doc;
    if (!doc_parse(&doc, text.p, text.n, &first.faults))
        return phx_failf(host, PHX_E_INVAL, "what was seen is not JSON: %s", first.text);
    char why[WHY_BYTES] = "";
    *ret_state = judge(doc.root, why);
    doc_done(&doc);
    return why[0] ? phx_put(out, "reason", "", why) : PHX_OK;
}
