/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/table.h"
#include "tests/unit/unit.h"

static struct table table;

static struct proc *touch(uint32_t pid, uint64_t start, bool want_new)
{
    bool fresh;
    struct proc *p = table_touch(&table, pid, start, &fresh);
    ck_assert_ptr_nonnull(p);
    ck_assert_int_eq(fresh, want_new);
    return p;
}

START_TEST(a_process_keeps_its_past_from_scan_to_scan)
{
    table_begin(&table);
    touch(7, 100, true)->cpu_mean = 0.5;
    table_sweep(&table);
    table_begin(&table);
    ck_assert_double_eq(touch(7, 100, false)->cpu_mean, 0.5);
    table_done(&table);
}
END_TEST

START_TEST(a_pid_with_another_start_time_is_another_process)
{
    table_begin(&table);
    touch(7, 100, true)->cpu_mean = 0.5;
    table_sweep(&table);
    table_begin(&table);
    ck_assert_double_eq(touch(7, 101, true)->cpu_mean, 0);
    table_sweep(&table);
    ck_assert_uint_eq(table.n, 1);
    table_done(&table);
}
END_TEST

START_TEST(what_a_scan_does_not_see_is_gone_and_the_order_stays)
{
    table_begin(&table);
    for (uint32_t pid = 1; pid <= 1000; pid++) touch(pid, 1, true);
    table_sweep(&table);
    table_begin(&table);
    for (uint32_t pid = 1000; pid; pid--)
        if (pid % 3 == 0) touch(pid, 1, false);
    table_sweep(&table);
    ck_assert_uint_eq(table.n, 333);
    for (uint32_t i = 0; i < table.n; i++) ck_assert_uint_eq(table.procs[i].pid, 3 * (i + 1));
    table_begin(&table);
    touch(4, 1, true);
    touch(3, 1, false);
    table_done(&table);
}
END_TEST

START_TEST(the_table_is_full_at_its_limit_for_new_ones_only)
{
    bool fresh;
    table_begin(&table);
    for (uint32_t pid = 1; pid <= TABLE_MAX; pid++) touch(pid, 1, true);
    ck_assert_ptr_null(table_touch(&table, TABLE_MAX + 1, 1, &fresh));
    touch(1, 1, false);
    table_done(&table);
}
END_TEST

UNIT_MAIN("collector/table", a_process_keeps_its_past_from_scan_to_scan,
          a_pid_with_another_start_time_is_another_process,
          what_a_scan_does_not_see_is_gone_and_the_order_stays,
          the_table_is_full_at_its_limit_for_new_ones_only)
