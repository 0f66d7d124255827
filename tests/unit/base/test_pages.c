/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/base/arena.h"
#include "core/base/pages.h"

#define MANY 5000 /* 20 MB */
static char *taken[MANY];

static bool is_zero(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static size_t resident_bytes(void)
{
    size_t all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%zu %zu", &all, &resident), 2);
    fclose(f);
    return resident * PAGE_BYTES;
}

static void take_and_give_many(void)
{
    for (size_t i = 0; i < MANY; i++) {
        taken[i] = page_take();
        ck_assert(is_zero(taken[i], PAGE_BYTES));
        memset(taken[i], 'x', PAGE_BYTES);
    }
    for (size_t i = 0; i < MANY; i++)
        page_give(taken[i], PAGE_BYTES);
}

START_TEST(a_page_is_zero_also_when_it_was_used_before)
{
    take_and_give_many();
    take_and_give_many();
}
END_TEST

START_TEST(a_page_that_is_taken_is_nobody_elses)
{
    for (size_t i = 0; i < MANY; i++) {
        taken[i] = page_take();
        memset(taken[i], (int)(i % 127) + 1, PAGE_BYTES);
    }
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(taken[i][0], (int)(i % 127) + 1);
        ck_assert_int_eq(taken[i][PAGE_BYTES - 1], (int)(i % 127) + 1);
        page_give(taken[i], PAGE_BYTES);
    }
}
END_TEST

START_TEST(what_a_storm_took_goes_back_to_the_system)
{
    size_t before = resident_bytes();
    take_and_give_many();
    size_t kept = pages_kept();
    ck_assert_uint_le(kept, 512);
    if (kept > 0) /* else they came from the heap, as a checker of the heap wants it */
        ck_assert_uint_lt(resident_bytes(), before + (4U << 20));
}
END_TEST

START_TEST(what_nobody_needs_any_more_goes_back_bit_by_bit)
{
    take_and_give_many();
    pages_trim(); /* from here on it counts who needs them */
    size_t kept = pages_kept();
    for (size_t i = 0; i < 100; i++)
        taken[i] = page_take();
    for (size_t i = 0; i < 100; i++)
        page_give(taken[i], PAGE_BYTES);
    pages_trim();
    ck_assert_uint_eq(pages_kept(), kept > 100 ? kept - (kept - 100 + 1) / 2 : kept);
    for (int i = 0; i < 12; i++)
        pages_trim();
    ck_assert_uint_eq(pages_kept(), 0);
    take_and_give_many(); /* and they are zero when they come again */
}
END_TEST

START_TEST(when_the_range_is_used_up_pages_come_from_the_heap)
{
    enum { ALL = 33000 }; /* more than there are */
    void **all = malloc(ALL * sizeof *all);
    for (size_t i = 0; i < ALL; i++)
        all[i] = page_take();
    ck_assert(is_zero(all[ALL - 1], PAGE_BYTES));
    memset(all[ALL - 1], 'x', PAGE_BYTES);
    for (size_t i = 0; i < ALL; i++)
        page_give(all[i], i == ALL - 1 ? PAGE_BYTES : 0);
    free(all);
    take_and_give_many();
}
END_TEST

static void *busy_thread(void *unused)
{
    for (unsigned i = 0; i < 2000; i++) {
        struct arena *a = arena_new();
        for (unsigned k = 0; k < 20; k++) {
            char *p = arena_alloc(a, 700);
            if (!is_zero(p, 700))
                abort();
            memset(p, 'y', 700);
        }
        arena_free(a);
    }
    return unused;
}

START_TEST(threads_share_them)
{
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, busy_thread, NULL), 0);
    busy_thread(NULL);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/pages");
    TCase *t = tcase_create("pages");
    tcase_add_test(t, a_page_is_zero_also_when_it_was_used_before);
    tcase_add_test(t, a_page_that_is_taken_is_nobody_elses);
    tcase_add_test(t, what_a_storm_took_goes_back_to_the_system);
    tcase_add_test(t, what_nobody_needs_any_more_goes_back_bit_by_bit);
    tcase_add_test(t, when_the_range_is_used_up_pages_come_from_the_heap);
    tcase_add_test(t, threads_share_them);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
