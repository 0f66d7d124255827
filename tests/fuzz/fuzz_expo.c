/* SPDX-License-Identifier: Apache-2.0 */
/* An exposition is scanned whole, whatever it holds: no line is counted twice, and names that were
 * kept are some of those that lines can show. The text is copied to memory of exactly its size. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include "core/agent/census.h"
#include "core/agent/expo.h"
#include "core/agent/telemetry.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

/** Its series are those of the scan, and it is JSON within its bound. */
static void take_census(struct str text, const struct expo *e)
{
    struct census *census = census_take(text);
    CLEANUP_BUF struct buf out;
    struct jw w;
    buf_init(&out, 480 << 10);
    jw_init(&w, &out);
    jw_open(&w, '{');
    census_write(census, &w);
    jw_close(&w, '}');
    census_free(census);
    CLEANUP_JSON struct json *doc = json_parse(buf_str(&out), NULL, NULL);
    require(!out.failed && doc && json_get_int(doc, "series", -1) == (int64_t)e->series);
}

/** What it tells of itself is counted, or not known. */
static void take_telemetry(struct str text)
{
    struct telemetry t;
    telemetry_scan(text, &t);
    require((isnan(t.points) || t.points >= 0) && (isnan(t.points_in) || t.points_in >= 0) &&
            (isnan(t.dropped) || t.dropped >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const critical[] = { "nginx*", "*\"*", "?" };
    char *text = malloc(n ? n : 1);
    require(text != NULL);
    if (n > 0)
        memcpy(text, data, n);
    size_t lines = 1;
    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    struct names *names = names_new(critical, 3);
    struct expo e;
    expo_scan((struct str){ text, n }, names, &e);
    require(e.series <= lines && names_count(names) <= e.series);
    require(names_union(names, names) == names_count(names));
    take_census((struct str){ text, n }, &e);
    take_telemetry((struct str){ text, n });
    names_free(names);
    free(text);
    return 0;
}
