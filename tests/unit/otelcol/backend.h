/* SPDX-License-Identifier: Apache-2.0 */
/* The host as a backend sees it: words are gathered as lines "WORD KEY=VALUE", the last reason is kept. */
#ifndef PHOENIX_TESTS_OTELCOL_BACKEND_H
#define PHOENIX_TESTS_OTELCOL_BACKEND_H
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "phoenix/plugin.h"
#include "tests/unit/unit.h"

static char words[16384], why[600];
static const char *refused_word = "", *path_config;

static void on_fail(const phx_host *host, phx_status status, phx_str text)
{
    snprintf(why, sizeof why, "%.*s", (int)text.n, text.p);
}
static const char *on_cfg_str(const phx_cfg *cfg, const char *path, const char *dflt)
{
    return !strcmp(path, "path") && path_config ? path_config : dflt;
}
static const phx_host HOST = { .size = sizeof HOST, .fail = on_fail, .cfg_str = on_cfg_str };

static phx_status on_put(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    size_t n = strlen(words);
    if (!strcmp(what, refused_word)) return PHX_E_UNSUPPORTED;
    snprintf(words + n, sizeof words - n, "%s %.*s=%.*s\n", what, (int)key.n, key.p, (int)value.n, value.p);
    return PHX_OK;
}
static const phx_sink SINK = { .size = sizeof SINK, .put = on_put };

/* Text for a call, whose words are gathered anew. */
static inline phx_str text_of(const char *z)
{
    words[0] = why[0] = 0;
    return (phx_str){ z, strlen(z) };
}

#define assert_holds(text, part)                                                                            \
    ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in:\n%s", part, text)
#define assert_lacks(text, part) ck_assert_msg(!strstr(text, part), "\"%s\" is in:\n%s", part, text)
#endif
