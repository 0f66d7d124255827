/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include "core/agent/census.h"
#include "core/agent/expo.h"
#include "core/agent/heavy.h"
#include "core/base/limits.h"
#include "core/base/sketch.h"
#include "tests/unit/unit.h"

/* ---------------------------------------------------------------------------------------- heavy */

static uint64_t hash_of(struct str s)
{
    return sketch_hash(s);
}

START_TEST(few_texts_are_counted_exactly)
{
    struct heavy h;
    static const char *const texts[] = { "b", "a", "b", "c", "b", "c" };
    heavy_init(&h, 3);
    for (unsigned i = 0; i < 6; i++)
        heavy_add(&h, hash_of(str_of(texts[i])), str_of(texts[i]), 10);
    heavy_sort(&h);
    ck_assert(h.n == 3 && h.slack == 0);
    ck_assert(str_eqz(h.items[0].text, "b") && h.items[0].n == 3 && h.items[0].bytes == 30);
    ck_assert(str_eqz(h.items[1].text, "c") && h.items[1].n == 2);
    ck_assert(str_eqz(h.items[2].text, "a") && h.items[2].n == 1);
    ck_assert_uint_eq(heavy_rest(&h, 1), 2);
    ck_assert_uint_eq(heavy_rest(&h, 3), 0);
    ck_assert(heavy_find(&h, hash_of(STR("c")), STR("c")) == &h.items[1]);
    ck_assert_ptr_null(heavy_find(&h, hash_of(STR("d")), STR("d")));
    heavy_done(&h);
}
END_TEST

/* Text i of 5,000 comes 100,000 / (i + 1) times, shuffled; 64 are kept. */
START_TEST(of_many_texts_the_frequent_ones_stay_and_the_bound_holds)
{
    enum { TEXTS = 5000, KEPT = 64 };
    static char texts[TEXTS][8];
    static uint64_t left[TEXTS], true_n[TEXTS];
    uint64_t all = 0, seed = 1;
    struct heavy h;
    heavy_init(&h, KEPT);
    for (unsigned i = 0; i < TEXTS; i++) {
        snprintf(texts[i], sizeof texts[i], "t%u", i);
        all += true_n[i] = left[i] = 100000 / (i + 1);
    }
    for (uint64_t done = 0; done < all;) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        unsigned i = (unsigned)(seed >> 33) % TEXTS;
        for (unsigned k = 0; k < 50 && left[i] > 0; k++, left[i]--, done++)
            heavy_add(&h, hash_of(str_of(texts[i])), str_of(texts[i]), 1);
    }
    heavy_sort(&h);
    ck_assert_uint_le(h.slack, all / (KEPT + 1));
    for (unsigned i = 0; i < TEXTS; i++) {
        const struct heavy_item *item = heavy_find(&h, hash_of(str_of(texts[i])), str_of(texts[i]));
        uint64_t n = item ? item->n : 0;
        ck_assert_msg(n <= true_n[i] && true_n[i] <= n + h.slack, "%s: %lu of %lu", texts[i], n, true_n[i]);
        if (item)
            ck_assert_uint_eq(item->bytes, item->n); /* each was one byte */
    }
    ck_assert(str_eqz(h.items[0].text, "t0") && str_eqz(h.items[1].text, "t1"));
    heavy_done(&h);
}
END_TEST

/* --------------------------------------------------------------------------------------- census */

static struct buf text;
static struct json *doc;

static void before(void)
{
    buf_init(&text, SIZE_MAX);
    doc = NULL;
}

static void after(void)
{
    buf_done(&text);
    json_free(doc);
}

static const struct json *take(void)
{
    CLEANUP_BUF struct buf out;
    struct jw w;
    struct err err = { 0 };
    struct census *c = census_take(buf_str(&text));
    buf_init(&out, 480 << 10); /* as the header says */
    jw_init(&w, &out);
    jw_open(&w, '{');
    census_write(c, &w);
    jw_close(&w, '}');
    census_free(c);
    ck_assert(!out.failed);
    json_free(doc);
    doc = json_parse(buf_str(&out), NULL, &err);
    ck_assert_msg(doc != NULL, "%s", err.msg);
    return doc;
}

static const struct json *item_of(const char *list, const char *name)
{
    const struct json *top = json_get(json_get(doc, list), "top");
    for (size_t i = 0; i < json_len(top); i++)
        if (strcmp(json_get_str(json_at(top, i), "name", ""), name) == 0)
            return json_at(top, i);
    return NULL;
}

static double distinct(const struct json *item, const char *key, unsigned p)
{
    struct sketch s;
    ck_assert(sketch_read(&s, p, json_text(json_get(item, key))));
    double n = (double)sketch_count(&s);
    sketch_done(&s);
    return n;
}

START_TEST(metrics_labels_and_values_are_counted)
{
    buf_adds(&text, "# TYPE cpu gauge\ncpu{host=\"a\",core=\"0\"} 1\ncpu{host=\"a\",core=\"1\"} 1\n"
                    "cpu{host=\"b\",core=\"0\"} 1\nmem{host=\"a\",empty=\"\"} 1\nup 1\nbroken{ 1\n"
                    "process_open_fds 3\nphoenix_collector_points_total 9\n");
    take();
    ck_assert_int_eq(json_get_int(doc, "series", 0), 5);
    ck_assert_int_eq(json_get_int(json_get(doc, "metrics"), "rest", -1), 0);
    ck_assert_double_eq(distinct(json_get(doc, "metrics"), "names", LIMIT_CENSUS_P), 3);
    const struct json *cpu = item_of("metrics", "cpu"), *host = item_of("labels", "host");
    ck_assert_int_eq(json_get_int(cpu, "series", 0), 3);
    ck_assert_int_eq(json_get_int(cpu, "bytes", 0), 3 * 25);
    ck_assert_uint_eq(json_len(json_get(cpu, "labels")), 2);
    ck_assert_double_eq(distinct(json_at(json_get(cpu, "labels"), 0), "values", LIMIT_CENSUS_P_DEEP), 2);
    ck_assert_int_eq(json_get_int(host, "series", 0), 4);
    ck_assert_double_eq(distinct(host, "values", LIMIT_CENSUS_P), 2);
    const struct json *values = json_get(json_get(host, "by_value"), "top");
    ck_assert_uint_eq(json_len(values), 2);
    ck_assert_str_eq(json_get_str(json_at(values, 0), "name", ""), "a");
    ck_assert_int_eq(json_get_int(json_at(values, 0), "series", 0), 3);
    ck_assert_ptr_null(item_of("labels", "empty"));
    ck_assert_ptr_null(item_of("metrics", "process_open_fds"));
}
END_TEST

START_TEST(nothing_is_nothing)
{
    buf_adds(&text, "# only a comment\n\n");
    take();
    ck_assert_int_eq(json_get_int(doc, "series", -1), 0);
    ck_assert_uint_eq(json_len(json_get(json_get(doc, "metrics"), "top")), 0);
}
END_TEST

/* The same series as expo_scan() counts, whatever the text: both skip the same lines. */
START_TEST(it_counts_what_the_sampler_counts)
{
    static const char *const lines[] = { "a 1",
                                         "a{x=\"1\"} 2",
                                         "{x=\"1\"} 2",
                                         "a{x=1} 2",
                                         "a{x=\"1\" 2",
                                         "a{x=\"\\\"} 2",
                                         "process_x{} 1",
                                         "process_x{a=\"\"} 1",
                                         "a{x=\"1\",} 2",
                                         "a{x=\"1\"}",
                                         "a{x=\"1\",x=\"2\"} 1",
                                         "\xff 1" };
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct expo e;
        buf_adds(&text, lines[i]);
        buf_adds(&text, "\n");
        expo_scan(buf_str(&text), NULL, &e);
        take();
        ck_assert_msg(json_get_int(doc, "series", -1) == (int64_t)e.series, "%s", lines[i]);
    }
    ck_assert_int_eq(json_get_int(item_of("labels", "x"), "series", 0), 3); /* twice in a line is once */
}
END_TEST

START_TEST(one_metric_may_have_50000_series_and_a_label_100000_values)
{
    for (unsigned i = 0; i < 100000; i++) {
        buf_addf(&text, "http_requests{user=\"%u\",path=\"/%u\",code=\"%s\"} 1\n", i, i % 300,
                 i % 10 ? "200" : "500");
        if (i % 100 == 0)
            buf_addf(&text, "rare_%u{code=\"200\"} 1\n", i / 100);
    }
    take();
    ck_assert_int_eq(json_get_int(doc, "series", 0), 101000);
    const struct json *http = item_of("metrics", "http_requests"), *metrics = json_get(doc, "metrics");
    ck_assert_int_eq(json_get_int(http, "series", 0), 100000);
    ck_assert_int_eq(json_get_int(metrics, "slack", -1), 0);
    ck_assert_int_eq(json_get_int(metrics, "rest", -1), 1);
    ck_assert_double_lt(fabs(distinct(metrics, "names", LIMIT_CENSUS_P) / 1001 - 1), 0.05);
    const struct json *user = item_of("labels", "user"), *path = item_of("labels", "path");
    ck_assert_double_lt(fabs(distinct(user, "values", LIMIT_CENSUS_P) / 100000 - 1), 0.05);
    ck_assert_double_eq(distinct(path, "values", LIMIT_CENSUS_P), 300);
    ck_assert_str_eq(json_get_str(json_at(json_get(http, "labels"), 0), "name", ""), "user");
    const struct json *codes = json_get(json_get(item_of("labels", "code"), "by_value"), "top");
    ck_assert_str_eq(json_get_str(json_at(codes, 1), "name", ""), "500");
    ck_assert_int_eq(json_get_int(json_at(codes, 1), "series", 0), 10000);
    /* 100,000 values, each once: none is worth telling, and what is left out is bounded */
    ck_assert_int_le(json_get_int(json_get(user, "by_value"), "rest", -1), 100000 / 129 + 1);
}
END_TEST

START_TEST(values_from_hell_come_out_as_text)
{
    char *huge = malloc(1 << 20);
    memset(huge, 'x', 1 << 20);
    buf_adds(&text, "m{v=\"quote \\\" slash \\\\ line \\n } , =\"} 1\nm{v=\"\xff\xfe\"} 1\nm{v=\"");
    buf_add(&text, "nul\0nul", 7);
    buf_adds(&text, "\"} 1\nm{v=\"");
    for (unsigned i = 0; i < 2; i++) {
        buf_add(&text, huge, 1 << 20);
        buf_addf(&text, "%u\"} 1\nm{v=\"", i);
    }
    for (unsigned i = 0; i < 40; i++)
        buf_adds(&text, "\xe2\x82\xac"); /* 120 bytes; 64 is within a character */
    buf_adds(&text, "\"} 1\n");
    take();
    ck_assert_int_eq(json_get_int(doc, "series", 0), 6);
    const struct json *values = json_get(json_get(item_of("labels", "v"), "by_value"), "top");
    ck_assert_uint_eq(json_len(values), 6);
    unsigned whole = 0, cut = 0;
    for (size_t i = 0; i < json_len(values); i++) {
        const char *name = json_get_str(json_at(values, i), "name", "");
        ck_assert_uint_le(strlen(name), LIMIT_CENSUS_VALUE);
        whole += strcmp(name, "quote \" slash \\ line \n } , =") == 0 || strcmp(name, "nul?nul") == 0;
        cut += strchr(name, '~') != NULL;
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(name, json_get_str(json_at(values, k), "name", ""));
        ck_assert(!strstr(name, "\xe2\x82~"));
    }
    ck_assert(whole == 2 && cut == 3);
    free(huge);
}
END_TEST

/* As much of everything as there can be, of texts that take the most room in JSON. */
START_TEST(it_never_writes_more_than_it_says)
{
    char ones[200], on[140] = "";
    memset(ones, 1, sizeof ones);
    memset(on, 'x', sizeof on - 1);
    for (unsigned i = 0; i < 6000; i++) {
        buf_addf(&text, "metric_%s_%u{", on, i < 3000 ? i % 10 : i);
        for (unsigned k = 0; k < 40; k++) {
            buf_addf(&text, "label_%s_%u=\"", on, k);
            buf_add(&text, ones, sizeof ones);
            buf_addf(&text, "%u\",", (i + k) % 512);
        }
        buf_adds(&text, "} 1\n");
    }
    take();
    ck_assert_uint_eq(json_len(json_get(json_get(doc, "metrics"), "top")), LIMIT_CENSUS_METRICS);
    ck_assert_uint_eq(json_len(json_get(json_get(doc, "labels"), "top")), LIMIT_CENSUS_LABELS);
    const struct json *label = json_at(json_get(json_get(doc, "labels"), "top"), 0);
    ck_assert_uint_le(strlen(json_get_str(label, "name", "")), LIMIT_CENSUS_NAME);
    ck_assert_uint_eq(json_len(json_get(json_get(label, "by_value"), "top")), LIMIT_CENSUS_VALUES);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("agent/census");
    TCase *tc = tcase_create("census");
    tcase_add_checked_fixture(tc, before, after);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, few_texts_are_counted_exactly);
    tcase_add_test(tc, of_many_texts_the_frequent_ones_stay_and_the_bound_holds);
    tcase_add_test(tc, metrics_labels_and_values_are_counted);
    tcase_add_test(tc, nothing_is_nothing);
    tcase_add_test(tc, it_counts_what_the_sampler_counts);
    tcase_add_test(tc, one_metric_may_have_50000_series_and_a_label_100000_values);
    tcase_add_test(tc, values_from_hell_come_out_as_text);
    tcase_add_test(tc, it_never_writes_more_than_it_says);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
