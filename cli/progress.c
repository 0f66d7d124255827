/* SPDX-License-Identifier: Apache-2.0 */
/* The live line of a watch. */
#include "cli/progress.h"

#include "cli/table.h"
#include "core/base/clock.h"

#define BAR 20

static int64_t whole_seconds(int64_t ns)
{
    return ns < 0 ? 0 : ns / NS_PER_S * NS_PER_S;
}

void progress_text(struct buf *out, const char *phase, int64_t elapsed_ns, int64_t total_ns)
{
    char elapsed[32], total[32];
    text_escape(out, str_of(phase));
    if (elapsed_ns < 0)
        elapsed_ns = 0;
    if (total_ns <= 0) {
        buf_addf(out, "  %s", format_duration(whole_seconds(elapsed_ns), elapsed));
        return;
    }
    if (elapsed_ns > total_ns)
        elapsed_ns = total_ns;
    double share = (double)elapsed_ns / (double)total_ns;
    buf_adds(out, "  [");
    for (int i = 0; i < BAR; i++)
        buf_addc(out, i < (int)(share * BAR) ? '#' : '-');
    buf_addf(out, "] %3d %%, %s of %s", (int)(share * 100),
             format_duration(whole_seconds(elapsed_ns), elapsed), format_duration(total_ns, total));
}
