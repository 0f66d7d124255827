/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/store/progress.h"
#include "core/base/clock.h"
#include "tests/unit/unit.h"

static void assert_text(const struct progress *p, int64_t elapsed_ns, const char *wanted)
{
    struct buf text CLEANUP_BUF;
    buf_init(&text, 1000);
    progress_text(p, elapsed_ns, &text);
    ck_assert_str_eq(buf_cstr(&text), wanted);
}

START_TEST(a_phase_says_how_far_it_is_how_fast_and_how_long_it_takes_yet)
{
    struct progress p = { 0 };
    progress_begin(&p, "copy", 1000);
    assert_text(&p, 0, "copy    [--------------------]   0 %  0 of 1000 rows, 0/s");
    progress_add(&p, 200);
    progress_part(&p, "agent_logs", 100);
    progress_add(&p, 50);
    assert_text(&p, NS_PER_S / 4,
                "copy    [#####---------------]  25 %  250 of 1000 rows, 1000/s, 1s left; agent_logs 50 %");
    progress_add(&p, 50);
    progress_part(&p, "leases", 0);
    progress_add(&p, 700);
    assert_text(&p, 100 * NS_PER_S, "copy    [####################] 100 %  1000 of 1000 rows, 10/s");
    progress_add(&p, 1); /* the store has grown since it was counted */
    assert_text(&p, 100 * NS_PER_S, "copy    [####################] 100 %  1001 of 1000 rows, 10/s");
}
END_TEST

START_TEST(without_a_total_there_is_no_bar)
{
    struct progress p = { 0 };
    progress_begin(&p, "count", 0);
    progress_add(&p, 300);
    assert_text(&p, 3 * NS_PER_S, "count   300 rows, 100/s");
}
END_TEST

START_TEST(a_bar_is_drawn_over_itself_and_ends_with_its_line)
{
    char *text = NULL;
    size_t n;
    struct progress p = { .kind = PROGRESS_BAR, .out = open_memstream(&text, &n) };
    progress_begin(&p, "copy", 2);
    progress_add(&p, 1);
    ck_assert_uint_eq(ftell(p.out), 0); /* not yet: nobody can read so fast */
    p.drawn_ns -= NS_PER_S;
    progress_add(&p, 1);
    progress_end(&p);
    fclose(p.out);
    ck_assert_msg(strncmp(text, "\r\033[Kcopy ", 9) == 0, "%s", text);
    ck_assert_str_eq(text + n - 1, "\n");
    ck_assert_ptr_eq(strchr(text, '\n'), text + n - 1);
    free(text);
}
END_TEST

START_TEST(nothing_is_said_to_nobody)
{
    struct progress p = { 0 };
    progress_begin(&p, "copy", 2);
    p.drawn_ns -= 10 * NS_PER_S;
    progress_add(&p, 1);
    progress_end(&p);
    ck_assert_uint_eq(p.done, 1);
}
END_TEST

UNIT_MAIN("storetool/progress", a_phase_says_how_far_it_is_how_fast_and_how_long_it_takes_yet,
          without_a_total_there_is_no_bar, a_bar_is_drawn_over_itself_and_ends_with_its_line,
          nothing_is_said_to_nobody)
