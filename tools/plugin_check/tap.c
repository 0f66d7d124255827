/* SPDX-License-Identifier: Apache-2.0 */
/* Results as the Test Anything Protocol has them. */
#include <stdarg.h>
#include <stdio.h>
#include "tools/plugin_check/check.h"

/* Text of others in a line of ours: no newlines, no '#', which starts a directive. */
static void put_clean(const char *s)
{
    for (; *s; s++) {
        putchar((unsigned char)*s < 0x20 || *s == '#' ? ' ' : *s);
    }
}

void tap_result(struct tap *t, enum outcome o, const char *name, const char *why)
{
    t->n++;
    t->failed += o == OUTCOME_FAIL;
    t->skipped += o == OUTCOME_SKIP;
    printf("%s %u - ", o == OUTCOME_FAIL ? "not ok" : "ok", t->n);
    put_clean(name);
    if (o == OUTCOME_FAIL && why && *why) {
        printf(": ");
        put_clean(why);
    }
    if (o == OUTCOME_SKIP) {
        printf(" # SKIP ");
        put_clean(why ? why : "");
    }
    putchar('\n');
    fflush(stdout);
}

void tap_note(const char *fmt, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    printf("# ");
    put_clean(line);
    putchar('\n');
}

int tap_end(const struct tap *t)
{
    printf("1..%u\n", t->n);
    return t->failed ? 1 : t->n == t->skipped ? 77 : 0;
}
