/* SPDX-License-Identifier: Apache-2.0 */
/* census_bench [SERIES]: what a census of an exposition costs, beside the scan that is made at each tick. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include "core/agent/census.h"
#include "core/agent/expo.h"
#include "core/base/clock.h"

enum { ROUNDS = 20 };

/* Metrics of a service: 25 names, a few labels of every kind, one of them with a value for each user. */
static void write_series(struct buf *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buf_addf(out,
                 "http_server_requests_%u_total{instance=\"10.0.%u.7:9100\",method=\"%s\",status=\"%u\","
                 "route=\"/api/v1/things/%u\",user_id=\"u-%06u\"} %u\n",
                 i % 25, i % 16, i % 3 ? "GET" : "POST", 200 + i % 5, i % 200, i / 5, i);
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 50000;
    CLEANUP_BUF struct buf text, out;
    struct expo expo;
    struct census *census = NULL;
    buf_init(&text, SIZE_MAX);
    buf_init(&out, 1 << 20);
    write_series(&text, n);
    int64_t start = clock_mono();
    for (unsigned i = 0; i < ROUNDS; i++)
        expo_scan(buf_str(&text), NULL, &expo);
    int64_t scanned = clock_mono();
    struct mallinfo2 before = mallinfo2();
    for (unsigned i = 0; i < ROUNDS; i++) {
        census_free(census);
        census = census_take(buf_str(&text));
    }
    int64_t taken = clock_mono();
    struct mallinfo2 after = mallinfo2();
    struct jw w;
    jw_init(&w, &out);
    jw_open(&w, '{');
    census_write(census, &w);
    jw_close(&w, '}');
    double scan_ms = (double)(scanned - start) / ROUNDS / 1e6;
    double census_ms = (double)(taken - scanned) / ROUNDS / 1e6;
    double kb = (double)(after.uordblks + after.hblkhd - before.uordblks - before.hblkhd) / 1e3;
    printf("tick_scan_ms %.1f ms/%u-series 0 ok\n", scan_ms, n);
    printf("census_ms %.1f ms/%u-series 0 ok\n", census_ms, n);
    printf("census_scans %.1f tick-scans 6 %s\n", census_ms / scan_ms,
           census_ms <= 6 * scan_ms ? "ok" : "short");
    printf("census_memory_kb %.0f kB 1000 %s\n", kb, kb <= 1000 ? "ok" : "short");
    printf("census_json_kb %.1f kB 0 ok\n", (double)out.len / 1e3);
    census_free(census);
    return 0;
}
