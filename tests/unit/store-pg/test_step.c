/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests share a statement. */
#include "tests/unit/store-pg/ops.h"
#include "tests/unit/unit.h"

#define STEPS(...) ops_steps(self, (const phx_req *const[]){ __VA_ARGS__, NULL })

static phx_self *self;
static struct steps *s;
static void *made[64];
static size_t n_made;

static void *make(size_t n, size_t size)
{
    ck_assert_uint_lt(n_made, sizeof(made) / sizeof(made[0]));
    return made[n_made++] = calloc(n, size);
}

static const phx_req *put(const char *id, uint64_t if_rev)
{
    phx_cell *cells = make(N_TASK, sizeof(*cells));
    phx_req *r = make(1, sizeof(*r));
    cells[TASK_ID] = TEXT(id);
    cells[TASK_HOST] = TEXT("h");
    cells[TASK_PRIORITY] = INT(1);
    *r = *REQ(PHX_PUT, .collection = &tasks, .cells = cells, .n_cells = N_TASK, .if_rev = if_rev);
    return r;
}

static void has_keys(const struct step *p, const char *keys)
{
    char got[64] = "";
    ck_assert_ptr_nonnull(p);
    for (uint32_t i = 0; i < p->n; i++)
        strncat(got, part_key(p, &p->parts[i], 0)->s.p, 8);
    ck_assert_str_eq(got, keys);
}

static void end(void)
{
    ops_steps_free(s);
    ops_self_free(self);
    while (n_made > 0)
        free(made[--n_made]);
}

START_TEST(equal_shapes_share_a_step_in_the_order_of_their_keys)
{
    self = ops_self();
    s = STEPS(put("c", 0), put("a", 0), put("b", 7), put("b", 0), put("d", PHX_REV_NEW));
    has_keys(ops_step(s, 0), "abc");
    ck_assert_int_eq(ops_step(s, 0)->verb, VERB_UPSERT);
    has_keys(ops_step(s, 1), "b");
    ck_assert_int_eq(ops_step(s, 1)->verb, VERB_PUT_IF);
    has_keys(ops_step(s, 2), "d");
    ck_assert_int_eq(ops_step(s, 2)->verb, VERB_INSERT);
    ck_assert_ptr_null(ops_step(s, 3));
    end();
}
END_TEST

START_TEST(one_record_comes_once_in_a_step)
{
    self = ops_self();
    s = STEPS(put("a", 0), put("b", 0), put("a", 0), put("a", 0));
    has_keys(ops_step(s, 0), "ab");
    has_keys(ops_step(s, 1), "a");
    has_keys(ops_step(s, 2), "a");
    ck_assert_ptr_null(ops_step(s, 3));
    end();
}
END_TEST

START_TEST(members_of_a_batch_keep_their_order)
{
    self = ops_self();
    const phx_req *gone = REQ(PHX_DELETE, .collection = &tasks, CELLS(TEXT("a")));
    s = STEPS(BATCH(put("a", 0), put("b", 0), gone, put("a", 0), put("c", 0)), put("d", 0));
    has_keys(ops_step(s, 0), "ab");
    has_keys(ops_step(s, 1), "a");
    ck_assert_int_eq(ops_step(s, 1)->verb, VERB_DELETE_KEYED);
    has_keys(ops_step(s, 2), "ac");
    has_keys(ops_step(s, 3), "d");
    end();
}
END_TEST

START_TEST(a_record_twice_in_a_batch_is_two_steps)
{
    self = ops_self();
    s = STEPS(BATCH(put("b", 0), put("a", 0), put("b", 0), put("c", 0)));
    has_keys(ops_step(s, 0), "ab");
    has_keys(ops_step(s, 1), "bc");
    end();
}
END_TEST

START_TEST(a_batch_that_is_to_name_its_member_has_a_step_for_each)
{
    self = ops_self();
    struct job j = { .req = BATCH(put("a", 0), put("b", 0)), .exact = true };
    struct steps exact;
    steps_init(&exact);
    steps_add(&exact, self, &j);
    has_keys(ops_step(&exact, 0), "a");
    has_keys(ops_step(&exact, 1), "b");
    ck_assert_uint_eq(ops_step(&exact, 1)->parts[0].member, 1);
    steps_free(&exact);
    ops_self_free(self);
}
END_TEST

START_TEST(what_must_be_found_is_marked_in_a_batch_only)
{
    self = ops_self();
    s = STEPS(put("a", 5), BATCH(put("a", 5)), BATCH(put("b", 0)));
    ck_assert(!ops_step(s, 0)->must && !ops_step(s, 0)->counts);
    ck_assert(ops_step(s, 1)->must && ops_step(s, 1)->counts);
    ck_assert(!ops_step(s, 2)->must && ops_step(s, 2)->counts);
    end();
}
END_TEST

START_TEST(an_update_that_names_the_whole_key_is_keyed)
{
    self = ops_self();
    const phx_req *report = REQ(PHX_UPDATE, .collection = &tasks,
                                CONDS(COND(TASK_PRIORITY, PHX_GE, INT(1)), COND(TASK_ID, PHX_EQ, TEXT("x"))),
                                SETS({ TASK_STATUS, PHX_SET, TEXT("done") }));
    const phx_req *other = REQ(PHX_UPDATE, .collection = &tasks,
                               CONDS(COND(TASK_PRIORITY, PHX_GE, INT(2)), COND(TASK_ID, PHX_EQ, TEXT("w"))),
                               SETS({ TASK_STATUS, PHX_SET, NONE }));
    const phx_req *differs = REQ(PHX_UPDATE, .collection = &tasks, .flags = PHX_NO_ROWS,
                                 CONDS(COND(TASK_PRIORITY, PHX_GE, INT(2)), COND(TASK_ID, PHX_EQ, TEXT("v"))),
                                 SETS({ TASK_STATUS, PHX_SET, NONE }));
    const phx_req *claim = REQ(PHX_UPDATE, .collection = &tasks, .limit = 1,
                               CONDS(COND(TASK_HOST, PHX_EQ, TEXT("h"))),
                               SETS({ TASK_STATUS, PHX_SET, TEXT("assigned") }));
    s = STEPS(report, other, differs, claim, claim);
    has_keys(ops_step(s, 0), "wx");
    has_keys(ops_step(s, 1), "v");
    ck_assert_int_eq(ops_step(s, 2)->verb, VERB_UPDATE);
    ck_assert_int_eq(ops_step(s, 3)->verb, VERB_UPDATE);
    end();
}
END_TEST

START_TEST(reads_of_one_record_share_a_step)
{
    self = ops_self();
    const phx_req *get = REQ(PHX_GET, .collection = &tasks, CELLS(TEXT("a")));
    const uint32_t only[] = { TASK_HOST };
    const phx_req *less = REQ(PHX_GET, .collection = &tasks, CELLS(TEXT("a")), .only = only, .n_only = 1);
    s = STEPS(get, less, get);
    has_keys(ops_step(s, 0), "aa");
    has_keys(ops_step(s, 1), "a");
    end();
}
END_TEST

START_TEST(rows_that_are_appended_stay_in_the_order_in_which_they_came)
{
    self = ops_self();
    const phx_req *b = REQ(PHX_PUT, .collection = &logs,
                           CELLS(TEXT("b"), INT(1), NONE, TEXT("b"), INT(2), NONE));
    const phx_req *a = REQ(PHX_PUT, .collection = &logs, CELLS(TEXT("a"), INT(1), NONE));
    s = STEPS(b, a, b);
    has_keys(ops_step(s, 0), "bab");
    ck_assert_uint_eq(part_rows(ops_step(s, 0), &ops_step(s, 0)->parts[0]), 2);
    end();
}
END_TEST

UNIT_MAIN("store-pg/step", equal_shapes_share_a_step_in_the_order_of_their_keys,
          one_record_comes_once_in_a_step, members_of_a_batch_keep_their_order,
          a_record_twice_in_a_batch_is_two_steps, a_batch_that_is_to_name_its_member_has_a_step_for_each,
          what_must_be_found_is_marked_in_a_batch_only, an_update_that_names_the_whole_key_is_keyed,
          reads_of_one_record_share_a_step, rows_that_are_appended_stay_in_the_order_in_which_they_came)
