/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/store/digest.h"
#include <math.h>
#include "tests/unit/unit.h"

static void hash(const phx_cell *cells, uint32_t per_row, size_t rows, char ret[SHA256_HEX_LEN + 1])
{
    struct hasher *h = hasher_new();
    for (size_t i = 0; i < rows; i++)
        hasher_add(h, &(struct row){ .cells = cells + i * per_row, .n = per_row, .rev = i }, 1);
    hasher_end(h, ret);
}

static bool same(phx_cell a, phx_cell b)
{
    char left[SHA256_HEX_LEN + 1], right[SHA256_HEX_LEN + 1];
    hash(&a, 1, 1, left);
    hash(&b, 1, 1, right);
    return strcmp(left, right) == 0;
}

#define TEXT_OF(kind, z) ((phx_cell){ .type = (kind), .s = { "" z, sizeof(z) - 1 } })
#define INT_OF(kind, v) ((phx_cell){ .type = (kind), .i = (v) })
#define REAL_OF(v) ((phx_cell){ .type = PHX_REAL, .r = (v) })

START_TEST(values_that_differ_hash_differently)
{
    ck_assert(!same(TEXT_OF(PHX_TEXT, ""), (phx_cell){ 0 }));
    ck_assert(!same(TEXT_OF(PHX_TEXT, "null"), TEXT_OF(PHX_JSON, "null")));
    ck_assert(!same(TEXT_OF(PHX_JSON, "{\"a\":1}"), TEXT_OF(PHX_JSON, "{\"a\": 1}")));
    ck_assert(!same(INT_OF(PHX_INT, INT64_MIN), INT_OF(PHX_INT, INT64_MAX)));
    ck_assert(!same(INT_OF(PHX_INT, 1), INT_OF(PHX_BOOL, 1)));
    ck_assert(!same(INT_OF(PHX_TIME, 1000), INT_OF(PHX_TIME, 2000)));
    ck_assert(!same(REAL_OF(1), REAL_OF(nextafter(1, 2))));
    ck_assert(!same(REAL_OF(0), (phx_cell){ 0 }));
    ck_assert(!same(REAL_OF(5e-324), REAL_OF(0)));
}
END_TEST

START_TEST(what_no_driver_promises_to_keep_does_not_count)
{
    ck_assert(same(REAL_OF(-0.0), REAL_OF(0.0)));
    ck_assert(same(INT_OF(PHX_TIME, 1700000000123456789), INT_OF(PHX_TIME, 1700000000123456000)));
}
END_TEST

START_TEST(bytes_cannot_move_from_one_cell_to_the_next)
{
    const phx_cell rows[][2] = { { TEXT_OF(PHX_TEXT, "ab"), TEXT_OF(PHX_TEXT, "c") },
                                 { TEXT_OF(PHX_TEXT, "a"), TEXT_OF(PHX_TEXT, "bc") } };
    char left[SHA256_HEX_LEN + 1], right[SHA256_HEX_LEN + 1];
    hash(rows[0], 2, 1, left);
    hash(rows[1], 2, 1, right);
    ck_assert_str_ne(left, right);
}
END_TEST

START_TEST(pages_do_not_show_in_the_hash_but_the_order_does)
{
    const phx_cell up[] = { INT_OF(PHX_INT, 1), INT_OF(PHX_INT, 2) };
    const phx_cell down[] = { INT_OF(PHX_INT, 2), INT_OF(PHX_INT, 1) };
    char one_by_one[SHA256_HEX_LEN + 1], together[SHA256_HEX_LEN + 1], other[SHA256_HEX_LEN + 1];
    const struct row rows[] = { { up, 1, 7 }, { up + 1, 1, 7 } };
    struct hasher *h = hasher_new();
    hasher_add(h, rows, 2);
    hasher_end(h, together);
    hash(up, 1, 2, one_by_one);
    hash(down, 1, 2, other);
    ck_assert_str_eq(together, one_by_one);
    ck_assert_str_ne(together, other);
}
END_TEST

START_TEST(nothing_hashes_to_the_hash_of_nothing)
{
    char text[SHA256_HEX_LEN + 1];
    hasher_end(hasher_new(), text);
    ck_assert_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    hasher_end(NULL, text);
}
END_TEST

START_TEST(digests_are_equal_when_rows_and_hash_are)
{
    struct digest a = { .rows = 1, .sha256 = "aa" }, b = a;
    ck_assert(digest_equal(&a, &b));
    b.rows = 2;
    ck_assert(!digest_equal(&a, &b));
    b = (struct digest){ .rows = 1, .sha256 = "ab" };
    ck_assert(!digest_equal(&a, &b));
}
END_TEST

UNIT_MAIN("storetool/digest", values_that_differ_hash_differently,
          what_no_driver_promises_to_keep_does_not_count, bytes_cannot_move_from_one_cell_to_the_next,
          pages_do_not_show_in_the_hash_but_the_order_does, nothing_hashes_to_the_hash_of_nothing,
          digests_are_equal_when_rows_and_hash_are)
