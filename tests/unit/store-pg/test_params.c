/* SPDX-License-Identifier: Apache-2.0 */
/* Values in PostgreSQL's binary form. */
#include "tests/unit/store-pg/ops.h"
#include "tests/unit/unit.h"

static struct params p;

static void is_bytes(uint32_t at, const char *bytes, int n)
{
    ck_assert(params_finish(&p));
    ck_assert_uint_lt(at, p.n);
    ck_assert_int_eq(p.lengths[at], n);
    ck_assert_mem_eq(p.values[at], bytes, n);
    ck_assert_int_eq(p.formats[at], 1);
}

static phx_cell time_cell(int64_t ns)
{
    return (phx_cell){ .type = PHX_TIME, .i = ns };
}

START_TEST(numbers_are_big_endian)
{
    phx_cell real = { .type = PHX_REAL, .r = -2.5 }, yes = { .type = PHX_BOOL, .i = 1 };
    params_reset(&p);
    params_int(&p, PHX_INT, -2);
    params_cell(&p, PHX_REAL, &real);
    params_cell(&p, PHX_BOOL, &yes);
    is_bytes(0, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    is_bytes(1, "\xc0\x04\0\0\0\0\0\0", 8);
    is_bytes(2, "\x01", 1);
    ck_assert_uint_eq(p.types[0], 20);
    ck_assert_uint_eq(p.types[1], 701);
    ck_assert_uint_eq(p.types[2], 16);
    params_free(&p);
}
END_TEST

START_TEST(times_count_microseconds_from_2000)
{
    phx_cell y2000 = time_cell(INT64_C(946684800000000000)), before = time_cell(INT64_C(946684799999999000));
    phx_cell y1969 = time_cell(-1000);
    params_reset(&p);
    params_cell(&p, PHX_TIME, &y2000);
    params_cell(&p, PHX_TIME, &before);
    params_cell(&p, PHX_TIME, &y1969);
    is_bytes(0, "\0\0\0\0\0\0\0\0", 8);
    is_bytes(1, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    is_bytes(2, "\xff\xfc\xa2\xfe\xc4\xc8\x1f\xff", 8);
    params_free(&p);
}
END_TEST

START_TEST(texts_go_as_they_are_and_null_is_not_empty)
{
    params_reset(&p);
    params_cell(&p, PHX_TEXT, &TEXT("h\xc3\xa9"));
    params_cell(&p, PHX_TEXT, &TEXT(""));
    params_cell(&p, PHX_TEXT, &NONE);
    is_bytes(0, "h\xc3\xa9", 3);
    is_bytes(1, "", 0);
    ck_assert_ptr_nonnull(p.values[1]);
    ck_assert_ptr_null(p.values[2]);
    params_free(&p);
}
END_TEST

START_TEST(an_array_says_its_type_length_and_nulls)
{
    params_reset(&p);
    params_array(&p, PHX_TEXT, 2);
    params_put(&p, PHX_TEXT, &TEXT("ab"));
    params_put(&p, PHX_TEXT, &NONE);
    params_array_end(&p);
    params_array(&p, PHX_INT, 1);
    params_put(&p, PHX_INT, &INT(3));
    params_array_end(&p);
    is_bytes(0, "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\2ab\xff\xff\xff\xff", 30);
    is_bytes(1, "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\x8\0\0\0\0\0\0\0\3", 32);
    ck_assert_uint_eq(p.types[0], 1009);
    params_free(&p);
}
END_TEST

START_TEST(an_empty_array_has_no_dimension)
{
    params_reset(&p);
    params_array(&p, PHX_INT, 0);
    params_array_end(&p);
    is_bytes(0, "\0\0\0\0\0\0\0\0\0\0\0\x14", 12);
    params_free(&p);
}
END_TEST

START_TEST(the_buffer_is_used_again)
{
    for (int round = 0; round < 3; round++) {
        params_reset(&p);
        for (int i = 0; i < 200; i++)
            params_int(&p, PHX_INT, i);
        ck_assert(params_finish(&p));
        ck_assert_uint_eq(p.n, 200);
        is_bytes(199, "\0\0\0\0\0\0\0\xc7", 8);
    }
    params_free(&p);
}
END_TEST

START_TEST(more_than_the_bound_is_refused)
{
    phx_cell huge = { .type = PHX_BYTES, .s = { "", (size_t)PARAMS_BYTES + 1 } };
    params_reset(&p);
    params_cell(&p, PHX_BYTES, &huge);
    ck_assert(!params_finish(&p));
    ck_assert(p.too_big);
    params_reset(&p);
    params_int(&p, PHX_INT, 1);
    ck_assert(params_finish(&p));
    params_free(&p);
}
END_TEST

UNIT_MAIN("store-pg/params", numbers_are_big_endian, times_count_microseconds_from_2000,
          texts_go_as_they_are_and_null_is_not_empty, an_array_says_its_type_length_and_nulls,
          an_empty_array_has_no_dimension, the_buffer_is_used_again, more_than_the_bound_is_refused)
