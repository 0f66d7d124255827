/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are checked without harm. A pipeline of a collector that is accepted renders to a document that
 * reads back, and that reaches for nothing but the variables which Phoenix sets. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/collector/otelcol/check.h"
#include "plugins/collector/otelcol/compose.h"
#include "plugins/collector/otelcol/values.h"

static void require(bool truth)
{
    if (!truth) abort();
}

static void on_fail(const phx_host *host, phx_status status, phx_str why)
{
}
static const phx_host HOST = { .size = sizeof HOST, .fail = on_fail };

static phx_status on_word(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    return PHX_OK;
}
static const phx_sink WORDS = { .size = sizeof WORDS, .put = on_word };

static unsigned check_node(const struct doc_node *node)
{
    unsigned n_secrets = 0;
    const char *text = node->kind == DOC_SCALAR ? node->text : "";
    for (enum dollar d; (d = values_dollar(&text)) != DOLLAR_NONE;) {
        require(d != DOLLAR_FOREIGN);
        n_secrets += d == DOLLAR_SECRET;
    }
    for (const struct doc_node *child = node->child; child; child = child->next)
        n_secrets += check_node(child);
    return n_secrets;
}

static unsigned n_secrets_seen;

static phx_status on_file(const phx_sink *sink, const char *what, phx_str key, phx_str value)
{
    struct doc_faults faults = { NULL, NULL, 0 };
    struct doc doc;
    require(!strcmp(what, "file") && doc_parse(&doc, value.p, value.n, &faults));
    if (!strncmp(key.p, CONFIG_FILE, key.n)) n_secrets_seen = check_node(doc.root);
    else require(!n_secrets_seen || doc_get(doc.root, "secrets"));
    doc_done(&doc);
    return PHX_OK;
}
static const phx_sink FILES = { .size = sizeof FILES, .put = on_file };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    phx_str text = { (const char *)data, size };
    (void)check_config(text, &WORDS);
    (void)compose(&HOST, text, &FILES);
    return 0;
}
