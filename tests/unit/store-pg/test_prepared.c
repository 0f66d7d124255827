/* SPDX-License-Identifier: Apache-2.0 */
/* The statements that a session knows. */
#include "tests/unit/store-pg/ops.h"
#include "tests/unit/unit.h"

START_TEST(a_text_is_prepared_once)
{
    struct prepared_set set = { 0 };
    bool is_new = false;
    char sql[] = "SELECT 1";
    struct prepared *one = prepared_get(&set, sql, &is_new);
    ck_assert(is_new);
    sql[0] = 's'; /* the text is copied */
    ck_assert_ptr_ne(prepared_get(&set, sql, &is_new), one);
    ck_assert(is_new);
    ck_assert_ptr_eq(prepared_get(&set, "SELECT 1", &is_new), one);
    ck_assert(!is_new);
    ck_assert_uint_eq(set.n, 2);
    prepared_drop_all(&set);
    ck_assert_uint_eq(set.n, 0);
}
END_TEST

START_TEST(a_name_is_never_used_again)
{
    struct prepared_set set = { 0 };
    bool is_new = false;
    char before[PREPARED_NAME], after[PREPARED_NAME];
    struct prepared *p = prepared_get(&set, "SELECT 1", &is_new);
    prepared_name(p, before);
    prepared_drop(&set, p);
    p = prepared_get(&set, "SELECT 1", &is_new);
    ck_assert(is_new);
    prepared_name(p, after);
    ck_assert_str_ne(before, after);
    prepared_drop_all(&set);
}
END_TEST

UNIT_MAIN("store-pg/prepared", a_text_is_prepared_once, a_name_is_never_used_again)
