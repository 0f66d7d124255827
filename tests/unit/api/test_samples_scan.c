/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include "core/api/samples_scan.h"

#define ID "0190c9a0-0000-7000-8000-000000000001"
#define HEAD "\"stream\":\"" ID "\",\"seq\":12"
#define SAMPLE(values)                                                                                      \
    "{\"experiment_id\":\"" ID "\",\"variant\":\"baseline\",\"ts\":1700000000000000000,\"values\":" values  \
    "}"

static struct sample seen[8];
static size_t n_seen;
static struct samples_batch batch;
static struct faults faults;
static struct err err;

static void on_sample(void *arg, const struct samples_batch *b, const struct sample *s)
{
    ck_assert_uint_eq(b->n_samples, n_seen);
    seen[n_seen++] = *s;
}

static int scan(const char *text)
{
    n_seen = 0;
    faults.n = 0;
    err.code = 0;
    return samples_scan(str_of(text), on_sample, NULL, &batch, &faults, &err);
}

static const char *const good[] = {
    "{" HEAD ",\"measures\":[\"up\",\"bogus\",\"series\"],\"samples\":[" SAMPLE("[1,7,523.5]") "," SAMPLE(
        "[null,7,2]") "]}",
    "{\"samples\":[" SAMPLE("[1,7,523.5]") "," SAMPLE(
        "[null,7,2]") "],\"measures\":[\"up\",\"bogus\",\"series\"]," HEAD "}",
};

START_TEST(members_may_come_in_any_order)
{
    ck_assert_int_eq(scan(good[_i]), 0);
    ck_assert(str_eqz(batch.stream, ID));
    ck_assert_int_eq(batch.seq, 12);
    ck_assert_uint_eq(batch.n_measures, 3);
    ck_assert_uint_eq(batch.n_unknown, 1);
    ck_assert_int_eq(batch.measure[0], 0);
    ck_assert_int_eq(batch.measure[1], -1);
    ck_assert_int_eq(batch.measure[2], 1);
    ck_assert_uint_eq(n_seen, 2);
    ck_assert(seen[0].has[0] && !seen[1].has[0]);
    ck_assert_double_eq(seen[0].value[2], 523.5);
    ck_assert(str_eqz(seen[1].variant, "baseline"));
    ck_assert_int_eq(seen[1].ts, INT64_C(1700000000000000000));
    ck_assert_int_eq(batch.oldest_ts, INT64_C(1700000000000000000));
    ck_assert_int_eq(batch.newest_ts, INT64_C(1700000000000000000));
}
END_TEST

START_TEST(a_batch_without_samples_is_one)
{
    ck_assert_int_eq(scan("{" HEAD ",\"measures\":[],\"samples\":[]}"), 0);
    ck_assert_uint_eq(batch.n_samples, 0);
}
END_TEST

#define UP(samples) "{" HEAD ",\"measures\":[\"up\"],\"samples\":" samples "}"
static const struct {
    const char *text, *pointer; /* NULL: not JSON */
} bad[] = {
    { "", NULL },
    { "{", NULL },
    { UP("["), NULL },
    { UP("[]") "x", NULL },
    { UP("[" SAMPLE("[NaN]") "]"), NULL },
    { UP("[" SAMPLE("[1e999]") "]"), NULL },
    { "[]", "" },
    { "{" HEAD ",\"measures\":[]}", "" },
    { "{" HEAD "," HEAD "}", "" },
    { "{" HEAD ",\"more\":1}", "" },
    { "{\"stream\":\"x\"}", "/stream" },
    { "{\"seq\":0}", "/seq" },
    { "{\"seq\":1.5}", "/seq" },
    { "{\"measures\":[1]}", "/measures" },
    { "{\"measures\":[\"up\",\"up\"]}", "/measures" },
    { UP("{}"), "/samples" },
    { UP("[1]"), "/samples" },
    { UP("[" SAMPLE("[1]") "," SAMPLE("[]") "]"), "/samples/1/values" },
    { UP("[" SAMPLE("[1,2]") "]"), "/samples/0/values" },
    { UP("[" SAMPLE("[\"1\"]") "]"), "/samples/0/values" },
    { UP("[" SAMPLE("1") "]"), "/samples/0/values" },
    { UP("[{}]"), "/samples/0" },
    { UP("[{\"ts\":1,\"ts\":2}]"), "/samples/0" },
    { UP("[{\"x\":1}]"), "/samples/0" },
    { UP("[{\"ts\":-1}]"), "/samples/0/ts" },
    { UP("[{\"ts\":1.5}]"), "/samples/0/ts" },
    { UP("[{\"variant\":\"A B\"}]"), "/samples/0/variant" },
    { UP("[{\"experiment_id\":\"1\"}]"), "/samples/0/experiment_id" },
};

START_TEST(a_faulty_batch_is_refused_and_says_where)
{
    int rc = scan(bad[_i].text);
    if (bad[_i].pointer) {
        ck_assert_msg(rc == ERR_INVALID, "%s: %d %s", bad[_i].text, rc, err.msg);
        ck_assert_str_eq(faults.at[0].pointer, bad[_i].pointer);
    } else {
        ck_assert_msg(rc == ERR_INVAL, "%s: %d", bad[_i].text, rc);
    }
}
END_TEST

START_TEST(more_measures_than_the_limit_are_refused)
{
    CLEANUP_BUF struct buf text;
    buf_init(&text, 1 << 16);
    buf_adds(&text, "{\"measures\":[");
    for (int i = 0; i <= BATCH_MEASURES_MAX; i++) {
        buf_addf(&text, "%s\"x%d\"", i ? "," : "", i);
    }
    buf_adds(&text, "]}");
    ck_assert_int_eq(scan(buf_cstr(&text)), ERR_INVALID);
    ck_assert_str_eq(faults.at[0].pointer, "/measures");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("samples_scan");
    TCase *t = tcase_create("samples_scan");
    tcase_add_loop_test(t, members_may_come_in_any_order, 0, 2);
    tcase_add_test(t, a_batch_without_samples_is_one);
    tcase_add_loop_test(t, a_faulty_batch_is_refused_and_says_where, 0, sizeof bad / sizeof bad[0]);
    tcase_add_test(t, more_measures_than_the_limit_are_refused);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
