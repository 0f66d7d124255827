/* SPDX-License-Identifier: Apache-2.0 */
/* A description that is taken makes requests that keep to their bound, at any time and point; one that
 * is not has a fault with a place. The same bytes, as an answer, never reject more than was sent. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "plugins/otlpgen/answer.h"
#include "plugins/otlpgen/describe.h"
#include "plugins/otlpgen/encode.h"

static void require(bool truth)
{
    if (!truth) abort();
}

static void make_requests(const struct plan *p)
{
    static const double times[] = { 0.5, 3, 3600 };
    struct encoder *e = encoder_new(p, 1, INT64_C(1790000000000000000));
    require(e != NULL);
    for (unsigned i = 0; i < 3; i++) {
        struct schedule s;
        schedule_start(&s, p);
        schedule_advance(&s, times[i]);
        schedule_adjust(&s, 2, 0);
        uint64_t due = schedule_due(&s, times[i]), n = due < 64 ? due : 64;
        size_t cap = encoder_bound(e, (size_t)n);
        uint8_t *room = malloc(cap);
        require(room != NULL && encode(e, &s, due - n, (size_t)n, room, cap) >= room);
        free(room);
    }
    encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan p;
    struct doc_first first;
    struct answer a = answer_read(200, data, size, 1000);
    require(a.verdict == ANSWER_TAKEN && a.rejected <= 1000 && strlen(a.why) < sizeof a.why);
    doc_first_init(&first);
    bool ok = describe((const char *)data, size, &p, &first.faults);
    require(ok == (first.faults.n == 0) && (ok || first.text[0]));
    if (!ok) return 0;
    make_requests(&p);
    plan_done(&p);
    return 0;
}
