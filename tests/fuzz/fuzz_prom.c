/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever Prometheus answers, samples are of the hosts that were asked for and have a time; what is
 * refused is so with a sentence. The text is copied to memory of exactly its size. */
#include <stdint.h>
#include <stdlib.h>
#include "core/api/prom_rows.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *hosts[] = { "a", "b", "web-1" };
    struct err err = { 0 };
    size_t n_samples;
    char *text = malloc(n ? n : 1);
    require(text != NULL);
    if (n > 0)
        memcpy(text, data, n);
    struct prom_rows *rows = prom_rows_new(hosts, 3);
    int rc = prom_rows_add(rows, (struct str){ text, n }, &err);
    require(rc == 0 || (rc == err.code && err.msg[0]));
    const struct sample *s = prom_rows_samples(rows, &n_samples);
    for (size_t i = 0; i < n_samples; i++) {
        const char *host = s[i].host_id;
        require(s[i].ts_ns > 0 && (host == hosts[0] || host == hosts[1] || host == hosts[2]));
    }
    prom_rows_free(rows);
    free(text);
    return 0;
}
