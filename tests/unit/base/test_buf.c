/* SPDX-License-Identifier: Apache-2.0 */
#include <locale.h>
#include <math.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "tests/unit/unit.h"

START_TEST(a_write_over_the_limit_fails_and_stays_failed)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 5);
    buf_adds(&b, "abc");
    buf_adds(&b, "def");
    buf_adds(&b, "x");
    ck_assert(b.failed);
    ck_assert_str_eq(buf_cstr(&b), "abc");
    buf_reset(&b);
    buf_addf(&b, "%d", 12345);
    ck_assert(!b.failed && b.len == 5);
    ck_assert_ptr_null(buf_room(&b, SIZE_MAX));
}
END_TEST

START_TEST(consuming_and_taking_keep_the_rest)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 100);
    ck_assert_str_eq(buf_cstr(&b), "");
    buf_adds(&b, "hello");
    buf_consume(&b, 2);
    ck_assert_str_eq(buf_cstr(&b), "llo");
    size_t n;
    char *taken = buf_take(&b, &n);
    ck_assert_str_eq(taken, "llo");
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(b.len, 0);
    free(taken);
}
END_TEST

static void assert_text(double v, const char *text)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 64);
    buf_add_real(&b, v);
    ck_assert_str_eq(buf_cstr(&b), text);
}

START_TEST(reals_are_written_short)
{
    assert_text(0, "0");
    assert_text(-0.0, "-0.0");
    assert_text(42, "42");
    assert_text(0.1, "0.1");
    assert_text(-1234.5678, "-1234.5678");
    assert_text(1e300, "1e+300");
    assert_text(1.0 / 3, "0.3333333333333333");
    assert_text(INFINITY, "+Inf");
}
END_TEST

START_TEST(reals_read_back_as_the_same_double)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 64);
    for (unsigned i = 0; i < 50000; i++) {
        union { uint64_t u; double d; } bits = { .u = random_u64() };
        double v = i % 2 ? bits.d : (double)(int64_t)(bits.u >> 30) / 1000, back;
        if (!isfinite(v))
            continue;
        buf_reset(&b);
        buf_add_real(&b, v);
        ck_assert_msg(parse_real(buf_str(&b), &back) && back == v && strtod(buf_cstr(&b), NULL) == v, "%s",
                      buf_cstr(&b));
    }
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_replaced)
{
    struct buf b CLEANUP_BUF;
    buf_init(&b, 64);
    buf_add_utf8(&b, STR("a\xFF\xC3\xA9\xE2\x82"));
    ck_assert_str_eq(buf_cstr(&b), "a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD");
}
END_TEST

static int order[2], called;
static void note(void *arg)
{
    order[called++] = *(int *)arg;
}

START_TEST(an_arena_cleans_up_newest_first)
{
    static int one = 1, two = 2;
    struct arena *a = arena_new();
    arena_on_free(a, note, &one);
    arena_on_free(a, note, &two);
    arena_free(a);
    ck_assert(called == 2 && order[0] == 2 && order[1] == 1);
    arena_free(NULL);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_memory_of_any_size)
{
    struct arena *a = arena_new();
    ck_assert_uint_eq(arena_size(a), 0);
    for (size_t n = 1; n < 20000; n = n * 3 + 1) {
        unsigned char *p = arena_alloc(a, n);
        ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xAA, n);
    }
    ck_assert_str_eq(arena_printf(a, "%s-%d", "x", 7), "x-7");
    ck_assert_ptr_null(arena_strdup(a, NULL));
    ck_assert(str_eqz(arena_str(a, STR("abc")), "abc"));
    arena_free(a);
}
END_TEST

UNIT_MAIN("base/buf", a_write_over_the_limit_fails_and_stays_failed, consuming_and_taking_keep_the_rest,
          reals_are_written_short, reals_read_back_as_the_same_double, bytes_that_are_not_utf8_are_replaced,
          an_arena_cleans_up_newest_first, an_arena_gives_zeroed_aligned_memory_of_any_size)
