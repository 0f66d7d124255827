/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel writes is read exactly; everything else is refused and harms nothing. */
#include <stdio.h>
#include "collector/proctext.h"
#include "tests/unit/unit.h"

#define TAIL                                                                                               \
    "S 1 2 3 4 -1 4194560 11 12 13 14 150 60 17 18 20 0 7 0 12345 4096000 321 18446744073709551615 1\n"

static bool parse(const char *text, struct proc_stat *ret)
{
    return proctext_stat(str_of(text), ret);
}

START_TEST(the_fields_of_stat_are_found_by_their_numbers)
{
    struct proc_stat s;
    ck_assert(parse("42 (nginx) " TAIL, &s));
    ck_assert_str_eq(s.name, "nginx");
    ck_assert_int_eq(s.state, 'S');
    ck_assert_uint_eq(s.minor_faults, 11);
    ck_assert_uint_eq(s.major_faults, 13);
    ck_assert_uint_eq(s.user, 150);
    ck_assert_uint_eq(s.system, 60);
    ck_assert_uint_eq(s.threads, 7);
    ck_assert_uint_eq(s.start, 12345);
    ck_assert_uint_eq(s.virtual_bytes, 4096000);
    ck_assert_uint_eq(s.resident_pages, 321);
}
END_TEST

START_TEST(a_name_may_hold_brackets_spaces_and_newlines)
{
    struct proc_stat s;
    ck_assert(parse("42 (a) R 1 (\n\"\\) " TAIL, &s));
    ck_assert_str_eq(s.name, "a) R 1 (\n\"\\");
    ck_assert(parse("42 () " TAIL, &s));
    ck_assert_uint_eq(s.name_len, 0);
}
END_TEST

START_TEST(a_long_name_is_cut)
{
    char text[512], name[201];
    memset(name, 'x', 200);
    name[200] = 0;
    snprintf(text, sizeof text, "42 (%s) " TAIL, name);
    struct proc_stat s;
    ck_assert(parse(text, &s));
    ck_assert_uint_eq(s.name_len, PROC_NAME_MAX);
    ck_assert_uint_eq(strlen(s.name), PROC_NAME_MAX);
}
END_TEST

START_TEST(a_stat_cut_anywhere_is_refused)
{
    static const char whole[] =
        "42 (nginx) S 1 2 3 4 -1 5 11 12 13 14 150 60 17 18 20 0 7 0 12345 4096000 321 ";
    struct proc_stat s;
    ck_assert(proctext_stat((struct str){ whole, sizeof whole - 1 }, &s));
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char *cut = malloc(n ? n : 1); /* so that a sanitizer sees a read behind its end */
        memcpy(cut, whole, n);
        ck_assert_msg(!proctext_stat((struct str){ cut, n }, &s), "%zu bytes pass", n);
        free(cut);
    }
}
END_TEST

START_TEST(numbers_that_overflow_are_refused)
{
    struct proc_stat s;
    ck_assert(parse("1 (a) S 1 2 3 4 -1 5 18446744073709551615 12 13 14 15 16 17 18 20 0 7 0 1 2 3 4\n", &s));
    ck_assert(
        !parse("1 (a) S 1 2 3 4 -1 5 18446744073709551616 12 13 14 15 16 17 18 20 0 7 0 1 2 3 4\n", &s));
    ck_assert(!parse("1 (a) S 1 2 3 4 -1 5 11 12 13 14 -15 16 17 18 20 0 7 0 1 2 3 4\n", &s));
    ck_assert(!parse("1 (a) S 1 2 3 4 -1 5 11 12 13 14 15 16 17 18 20 0 4294967296 0 1 2 3 4\n", &s));
}
END_TEST

START_TEST(io_needs_both_lines_whole)
{
    struct proc_io io;
    ck_assert(proctext_io(STR("rchar: 10\nwchar: 20\nsyscr: 1\n"), &io));
    ck_assert_uint_eq(io.read_bytes, 10);
    ck_assert_uint_eq(io.write_bytes, 20);
    ck_assert(!proctext_io(STR("rchar: 10\nwchar: 2"), &io));
    ck_assert(!proctext_io(STR("rchar: 10\n"), &io));
    ck_assert(!proctext_io(STR("xrchar: 10\nwchar: 20\n"), &io));
    ck_assert(!proctext_io(STR(""), &io));
}
END_TEST

START_TEST(host_files_are_read_or_refused_whole)
{
    struct host_cpu cpu;
    ck_assert(proctext_host_cpu(STR("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 9 9\nprocesses 77\n"), &cpu));
    ck_assert_uint_eq(cpu.ticks[CPU_IDLE], 4);
    ck_assert_uint_eq(cpu.ticks[CPU_STEAL], 8);
    ck_assert_uint_eq(cpu.processes_created, 77);
    ck_assert(!proctext_host_cpu(STR("cpu  1 2 3 4 5 6 7\nprocesses 77\n"), &cpu));
    ck_assert(!proctext_host_cpu(STR("cpu  1 2 3 4 5 6 7 8 9 10\n"), &cpu));
    struct host_memory memory;
    ck_assert(!proctext_host_memory(STR("MemTotal: 1 kB\n"), &memory));
    uint64_t load[3], uptime;
    ck_assert(proctext_load(STR("0.10 1.05 12.00 1/2 3\n"), load));
    ck_assert_uint_eq(load[1], 105);
    ck_assert_uint_eq(load[2], 1200);
    ck_assert(!proctext_load(STR("0.10 1.05\n"), load));
    ck_assert(!proctext_load(STR("0,10 1,05 12,00\n"), load));
    ck_assert(proctext_uptime(STR("1234.56 1.00\n"), &uptime));
    ck_assert_uint_eq(uptime, 123456);
    ck_assert(!proctext_uptime(STR("nan\n"), &uptime));
}
END_TEST

UNIT_MAIN("collector/proctext", the_fields_of_stat_are_found_by_their_numbers,
          a_name_may_hold_brackets_spaces_and_newlines, a_long_name_is_cut, a_stat_cut_anywhere_is_refused,
          numbers_that_overflow_are_refused, io_needs_both_lines_whole, host_files_are_read_or_refused_whole)
