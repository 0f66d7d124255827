/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of processes: what they hold, that they never fall, and that they forget only what is gone. */
#include <stdio.h>
#include "collector/sums.h"
#include "tests/unit/unit.h"

static struct sums sums;

static struct proc process(uint32_t pid, const char *name, enum merged merged)
{
    struct proc p = { .pid = pid, .merged = merged, .scans = 1 };
    p.stat.name_len = (uint8_t)snprintf(p.stat.name, sizeof p.stat.name, "%s", name);
    return p;
}

/* The next scan sees it there, with so many ticks and bytes. */
static void scan(struct proc *p, enum merged merged, bool kept, uint64_t user, uint64_t bytes)
{
    p->was_merged = p->merged;
    p->was_chosen = p->kept || p->merged == MERGED_BY_NAME;
    p->merged = merged;
    p->kept = kept;
    p->scans++;
    p->stat.user = user;
    p->io.read_bytes = bytes;
    sums_begin(&sums);
    sums_take(&sums, p);
}

static const struct sum *sum_at(const char *labels)
{
    for (uint32_t i = 0; i < sums.n; i++)
        if (str_eqz((struct str){ sums.sums[i].total.labels, sums.sums[i].total.labels_len }, labels))
            return &sums.sums[i];
    return NULL;
}
#define NAMED(name) sum_at("process_executable_name=\"" name "\"")

START_TEST(a_sum_holds_what_its_processes_have)
{
    struct proc a = process(1, "a", MERGED_REST), b = process(2, "b", MERGED_REST);
    a.stat.user = 3, a.rss = 10, a.stat.threads = 2, a.has_io = true, a.io.read_bytes = 100;
    b.stat.user = 4, b.rss = 20, b.stat.threads = 3, b.has_fds = true, b.fds = 7;
    b.scans = 2, b.was_merged = MERGED_REST, b.cpu_user = 0.5;
    sums_begin(&sums);
    sums_take(&sums, &a);
    sums_take(&sums, &b);
    const struct sum *s = NAMED("_other");
    ck_assert_uint_eq(s->members, 2);
    ck_assert_uint_eq(s->total.stat.user, 7);
    ck_assert_uint_eq(s->total.rss, 30);
    ck_assert_uint_eq(s->total.stat.threads, 5);
    ck_assert(s->total.has_io && s->total.io.read_bytes == 100);
    ck_assert(s->total.has_fds && s->total.fds == 7);
    ck_assert_double_eq(s->total.cpu_user, 0.5);
    sums_done(&sums);
}
END_TEST

START_TEST(a_sum_keeps_what_ended_processes_used)
{
    struct proc a = process(1, "a", MERGED_REST), b = process(2, "b", MERGED_REST);
    a.stat.user = 100, a.rss = 5;
    sums_begin(&sums);
    sums_take(&sums, &a);
    b.stat.user = 1, b.rss = 7;
    sums_begin(&sums); /* a is gone */
    sums_take(&sums, &b);
    ck_assert_uint_eq(NAMED("_other")->total.stat.user, 101);
    ck_assert_uint_eq(NAMED("_other")->total.rss, 7);
    sums_begin(&sums);
    ck_assert_uint_eq(NAMED("_other")->members, 0);
    ck_assert_uint_eq(NAMED("_other")->total.stat.user, 101);
    sums_done(&sums);
}
END_TEST

START_TEST(what_a_process_uses_goes_to_where_a_rate_sees_it)
{
    struct proc p = process(1, "a", MERGED_NOT);
    p.kept = true;
    scan(&p, MERGED_NOT, true, 100, 1000); /* its own series count this */
    ck_assert_uint_eq(sums.n, 0);
    scan(&p, MERGED_REST, false, 110, 1100); /* its series ended with the scan before */
    ck_assert_uint_eq(NAMED("_other")->total.stat.user, 10);
    ck_assert_uint_eq(NAMED("_other")->total.io.read_bytes, 100);
    scan(&p, MERGED_NOT, true, 130, 1300); /* its new series begin at 130 */
    ck_assert_uint_eq(NAMED("_other")->total.stat.user, 30);
    ck_assert_uint_eq(NAMED("_other")->members, 0);
    scan(&p, MERGED_NOT, true, 150, 1500);
    ck_assert_uint_eq(NAMED("_other")->total.stat.user, 30);
    sums_done(&sums);
}
END_TEST

START_TEST(what_a_dropped_process_used_is_nobodys)
{
    struct proc p = process(1, "a", MERGED_BY_NAME);
    scan(&p, MERGED_BY_NAME, false, 10, 0);
    scan(&p, MERGED_NOT, false, 500, 0);
    scan(&p, MERGED_BY_NAME, false, 600, 0);
    scan(&p, MERGED_BY_NAME, false, 603, 0);
    ck_assert_uint_eq(NAMED("a")->total.stat.user, 13);
    sums_done(&sums);
}
END_TEST

START_TEST(a_counter_that_goes_back_takes_nothing_away)
{
    struct proc p = process(1, "a", MERGED_BY_NAME);
    scan(&p, MERGED_BY_NAME, false, 10, 10);
    scan(&p, MERGED_BY_NAME, false, 4, 4);
    ck_assert_uint_eq(NAMED("a")->total.stat.user, 10);
    scan(&p, MERGED_BY_NAME, false, 5, 5);
    ck_assert_uint_eq(NAMED("a")->total.io.read_bytes, 11);
    sums_done(&sums);
}
END_TEST

START_TEST(names_that_are_exported_alike_are_one_sum)
{
    struct proc a = process(1, "x\xff", MERGED_BY_NAME), b = process(2, "x\xfe", MERGED_BY_NAME);
    struct proc c = process(3, "_other", MERGED_BY_NAME), rest = process(4, "y", MERGED_REST);
    sums_begin(&sums);
    sums_take(&sums, &a);
    sums_take(&sums, &b);
    sums_take(&sums, &c);
    sums_take(&sums, &rest);
    ck_assert_uint_eq(sums.n, 2);
    ck_assert_uint_eq(NAMED("_other")->members, 2);
    sums_done(&sums);
}
END_TEST

START_TEST(memory_follows_the_names_that_are_there_and_not_those_that_were)
{
    unsigned long name = 0;
    for (unsigned s = 0; s < 200; s++) { /* each scan: 100 names that nobody had before, and one that stays */
        struct proc stays = process(1, "stays", MERGED_BY_NAME);
        stays.stat.user = 1;
        sums_begin(&sums);
        sums_take(&sums, &stays);
        for (unsigned i = 0; i < 100; i++) {
            char text[32];
            snprintf(text, sizeof text, "n%lu", name++);
            struct proc p = process(2, text, MERGED_BY_NAME);
            sums_take(&sums, &p);
        }
    }
    ck_assert_uint_le(sums.cap, 512);
    ck_assert_uint_eq(NAMED("stays")->total.stat.user, 200);
    ck_assert_uint_eq(NAMED("n19999")->members, 1);
    sums_done(&sums);
}
END_TEST

UNIT_MAIN("collector/sums", a_sum_holds_what_its_processes_have, a_sum_keeps_what_ended_processes_used,
          what_a_process_uses_goes_to_where_a_rate_sees_it, what_a_dropped_process_used_is_nobodys,
          a_counter_that_goes_back_takes_nothing_away, names_that_are_exported_alike_are_one_sum,
          memory_follows_the_names_that_are_there_and_not_those_that_were)
