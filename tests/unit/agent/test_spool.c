/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/agent/files.h"
#include "core/agent/spool.h"

static char dir[64];
static struct spool *spool;
static struct buf out;

static void open_spool(uint64_t max_bytes)
{
    struct err err = { 0 };
    spool_close(spool);
    spool = spool_open(dir, max_bytes, &err);
    ck_assert_msg(spool != NULL, "%s", err.msg);
}

static void before(void)
{
    snprintf(dir, sizeof dir, "/tmp/phx-spool-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    buf_init(&out, SPOOL_RECORD_MAX + 1);
    open_spool(1 << 20);
}

static void after(void)
{
    spool_close(spool);
    spool = NULL;
    buf_done(&out);
    folder_remove(dir, NULL);
}

static void append(unsigned i)
{
    char text[32];
    snprintf(text, sizeof text, "record %u", i);
    ck_assert_int_eq(spool_append(spool, str_of(text), NULL), 0);
}

static void expect(unsigned i)
{
    char text[32];
    snprintf(text, sizeof text, "record %u", i);
    ck_assert(spool_peek(spool, &out));
    ck_assert_str_eq(buf_cstr(&out), text);
}

static void take(unsigned i)
{
    expect(i);
    spool_ack(spool);
}

static uint64_t waiting(void)
{
    struct spool_stats stats;
    spool_stats(spool, &stats);
    return stats.records;
}

static uint64_t dropped(void)
{
    struct spool_stats stats;
    spool_stats(spool, &stats);
    return stats.dropped;
}

START_TEST(an_hour_without_the_api_comes_back_whole_and_in_order)
{
    enum { BATCHES = 3600, ROWS = 8 }; /* a batch a second; both arms at 250 ms */
    const char *row = "{\"experiment_id\":\"01a20b44-5371-74b1-84b3-596a1f3383f4\",\"variant\":\"candidate\","
                      "\"ts\":1700000000000000000,\"values\":[1,523,10460,20920,10460,1046000,12.3456789,"
                      "2543616,0.00123,3,3,0]},";
    open_spool(UINT64_C(256) << 20);
    for (unsigned i = 0; i < BATCHES; i++) {
        buf_reset(&out);
        buf_addf(&out, "%u:", i);
        for (unsigned r = 0; r < ROWS; r++)
            buf_adds(&out, row);
        ck_assert_int_eq(spool_append(spool, buf_str(&out), NULL), 0);
        if (i == BATCHES / 2)
            open_spool(UINT64_C(256) << 20); /* the agent is restarted meanwhile */
    }
    ck_assert_uint_eq(waiting(), BATCHES);
    ck_assert_uint_eq(dropped(), 0);
    for (unsigned i = 0; i < BATCHES; i++) {
        ck_assert(spool_peek(spool, &out));
        ck_assert_uint_eq(strtoul(buf_cstr(&out), NULL, 10), i);
        spool_ack(spool);
    }
    ck_assert(!spool_peek(spool, &out));
}
END_TEST

/** Path of the oldest segment. */
static const char *segment(void)
{
    static char path[400];
    DIR *d = opendir(dir);
    path[0] = '\0';
    for (struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, ".seg") && (!path[0] || strcmp(e->d_name, path + strlen(dir) + 1) < 0))
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
    closedir(d);
    return path;
}

START_TEST(records_come_out_in_order)
{
    for (unsigned i = 0; i < 100; i++)
        append(i);
    ck_assert_uint_eq(waiting(), 100);
    expect(0);
    for (unsigned i = 0; i < 100; i++)
        take(i);
    ck_assert(!spool_peek(spool, &out));
    ck_assert_uint_eq(waiting(), 0);
    ck_assert_str_eq(segment(), "");
}
END_TEST

START_TEST(what_was_not_taken_survives_a_restart)
{
    for (unsigned i = 0; i < 10; i++)
        append(i);
    for (unsigned i = 0; i < 4; i++)
        take(i);
    open_spool(1 << 20);
    ck_assert_uint_eq(waiting(), 6);
    append(10);
    for (unsigned i = 4; i <= 10; i++)
        take(i);
    ck_assert(!spool_peek(spool, &out));
}
END_TEST

START_TEST(every_torn_tail_is_cut_off)
{
    append(0);
    append(1);
    uint64_t whole = file_size(segment());
    for (uint64_t cut = whole - 1; cut > whole / 2; cut--) {
        ck_assert_int_eq(truncate(segment(), (off_t)cut), 0);
        open_spool(1 << 20);
        ck_assert_uint_eq(waiting(), 1);
        append(1);
        open_spool(1 << 20);
        ck_assert_uint_eq(waiting(), 2);
        expect(0);
        if (file_size(segment()) < whole) /* the record after the cut went into a segment of its own */
            break;
    }
    take(0);
    take(1);
}
END_TEST

START_TEST(a_flipped_bit_ends_a_segment_and_is_counted)
{
    for (unsigned i = 0; i < 3; i++)
        append(i);
    expect(0);
    int fd = open(segment(), O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(pwrite(fd, "X", 1, 8 + 8 + 8), 1); /* in the text of the second one */
    close(fd);
    take(0);
    ck_assert(!spool_peek(spool, &out));
    ck_assert_uint_eq(dropped(), 2);
    append(7);
    take(7);
}
END_TEST

START_TEST(a_hostile_length_is_not_believed)
{
    append(0);
    int fd = open(segment(), O_WRONLY | O_APPEND | O_CLOEXEC);
    ck_assert_int_eq(write(fd, "\xff\xff\xff\xff\0\0\0\0", 8), 8);
    close(fd);
    open_spool(1 << 20);
    ck_assert_uint_eq(waiting(), 1);
    take(0);
}
END_TEST

START_TEST(the_oldest_go_when_it_is_full_and_are_counted)
{
    open_spool(64 << 10);
    char text[1000];
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < 500; i++)
        ck_assert_int_eq(spool_append(spool, (struct str){ text, sizeof text }, NULL), 0);
    struct spool_stats stats;
    spool_stats(spool, &stats);
    ck_assert_uint_le(stats.bytes, 64 << 10);
    ck_assert_uint_eq(stats.records + stats.dropped, 500);
    ck_assert_uint_gt(stats.records, 40);
    unsigned n = 0;
    for (; spool_peek(spool, &out); n++)
        spool_ack(spool);
    ck_assert_uint_eq(n, stats.records);
}
END_TEST

START_TEST(a_record_that_can_never_fit_is_refused)
{
    struct err err = { 0 };
    char *big = calloc(1, SPOOL_RECORD_MAX + 1);
    ck_assert_int_eq(spool_append(spool, (struct str){ big, SPOOL_RECORD_MAX + 1 }, &err), ERR_LIMIT);
    ck_assert_int_eq(spool_append(spool, (struct str){ big, 0 }, &err), ERR_LIMIT);
    ck_assert_uint_eq(waiting(), 0);
    ck_assert_uint_eq(dropped(), 2);
    free(big);
}
END_TEST

START_TEST(a_lost_note_repeats_records_and_loses_none)
{
    char path[128];
    for (unsigned i = 0; i < 5; i++)
        append(i);
    take(0);
    spool_close(spool);
    spool = NULL;
    snprintf(path, sizeof path, "%s/taken", dir);
    ck_assert_int_eq(unlink(path), 0);
    open_spool(1 << 20);
    for (unsigned i = 0; i < 5; i++)
        take(i);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("spool");
    TCase *c = tcase_create("spool");
    tcase_add_checked_fixture(c, before, after);
    tcase_add_test(c, records_come_out_in_order);
    tcase_add_test(c, what_was_not_taken_survives_a_restart);
    tcase_add_test(c, an_hour_without_the_api_comes_back_whole_and_in_order);
    tcase_add_test(c, every_torn_tail_is_cut_off);
    tcase_add_test(c, a_flipped_bit_ends_a_segment_and_is_counted);
    tcase_add_test(c, a_hostile_length_is_not_believed);
    tcase_add_test(c, the_oldest_go_when_it_is_full_and_are_counted);
    tcase_add_test(c, a_record_that_can_never_fit_is_refused);
    tcase_add_test(c, a_lost_note_repeats_records_and_loses_none);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
