/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/common/words.h"
#include <phoenix/helpers.h>

void words_put(struct words *w, const char *what, const char *key, const char *fmt, ...)
{
    char text[4352];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (w->status) return;
    if (n < 0 || (size_t)n >= sizeof text) w->status = PHX_E_LIMIT;
    else w->status = w->out->put(w->out, what, phx_text(key), (phx_str){ text, (size_t)n });
}

void words_fault(void *words, unsigned line, unsigned column, const char *text)
{
    char where[32];
    (void)snprintf(where, sizeof where, "%u:%u", line, column);
    words_put(words, "error", where, "%s", text);
}
