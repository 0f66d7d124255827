/* SPDX-License-Identifier: Apache-2.0 */
/* The text of each kind of statement. */
#include "tests/unit/store-pg/ops.h"
#include "tests/unit/unit.h"

#define IS(n, text, ...) is(n, text, (const phx_req *const[]){ __VA_ARGS__, NULL })

static void is(uint32_t n_params, const char *text, const phx_req *const *reqs)
{
    struct build b = { 0 };
    phx_self *self = ops_self();
    struct steps *s = ops_steps(self, reqs);
    ck_assert_int_eq(sql_build(&b, s->first), PHX_OK);
    ck_assert_str_eq(b.sql.p, text);
    ck_assert_uint_eq(b.params.n, n_params);
    free(b.sql.p);
    params_free(&b.params);
    ops_steps_free(s);
    ops_self_free(self);
}

#define TASK(id) CELLS(TEXT(id), TEXT("h"), INT(1), NONE, NONE)
#define FEW "u.o BETWEEN 1 AND 1000000000"
#define ALL "t.\"id\",t.\"host\",t.\"priority\",t.\"status\",t.\"note\",t.\"rev\""

START_TEST(a_put_replaces_under_a_revision_that_is_taken_last)
{
    IS(5,
       "INSERT INTO \"tasks\"(\"id\",\"host\",\"priority\",\"status\",\"note\",\"rev\") SELECT *,"
       "nextval('phoenix_rev') FROM unnest($1,$2,$3,$4,$5) ON CONFLICT(\"id\") DO UPDATE SET "
       "\"rev\"=nextval('phoenix_rev'),\"host\"=excluded.\"host\",\"priority\"=excluded.\"priority\","
       "\"status\"=excluded.\"status\",\"note\"=excluded.\"note\"",
       REQ(PHX_PUT, .collection = &tasks, TASK("a")), REQ(PHX_PUT, .collection = &tasks, TASK("b")));
}
END_TEST

START_TEST(rows_of_several_operations_tell_by_their_key_which_were_new)
{
    const phx_req *one = REQ(PHX_PUT, .collection = &logs, CELLS(TEXT("h"), INT(1), NONE));
    IS(3,
       "INSERT INTO \"logs\"(\"host\",\"seq\",\"line\") SELECT * FROM unnest($1,$2,$3) ON CONFLICT DO "
       "NOTHING",
       one);
    IS(3,
       "INSERT INTO \"logs\"(\"host\",\"seq\",\"line\") SELECT * FROM unnest($1,$2,$3) ON CONFLICT DO "
       "NOTHING "
       "RETURNING \"host\",\"seq\"",
       one, one);
}
END_TEST

START_TEST(a_known_revision_is_a_condition)
{
    IS(6,
       "UPDATE \"tasks\" t SET \"rev\"=nextval('phoenix_rev'),\"host\"=u.c2,\"priority\"=u.c3,"
       "\"status\"=u.c4,"
       "\"note\"=u.c5 FROM unnest($1,$2,$3,$4,$5,$6) WITH ORDINALITY u(c1,c2,c3,c4,c5,c6,o) WHERE " FEW
       " AND t.\"id\"=u.c1 AND (t.\"rev\"=u.c6) IS TRUE RETURNING u.o",
       REQ(PHX_PUT, .collection = &tasks, TASK("a"), .if_rev = 4));
    IS(2,
       "DELETE FROM \"tasks\" t USING unnest($1,$2) WITH ORDINALITY u(c1,c2,o) WHERE " FEW
       " AND t.\"id\"=u.c1 AND (t.\"rev\"=u.c2) IS TRUE RETURNING u.o",
       REQ(PHX_DELETE, .collection = &tasks, CELLS(TEXT("a")), .if_rev = 4));
}
END_TEST

START_TEST(in_a_batch_what_is_missing_is_an_error)
{
    IS(4,
       "WITH w AS (DELETE FROM \"tasks\" t USING unnest($1,$2) WITH ORDINALITY u(c1,c2,o) WHERE " FEW
       " AND t.\"id\"=u.c1 AND (t.\"rev\"=u.c2) IS TRUE RETURNING 1) SELECT "
       "phoenix_must(count(*),$3,$4::integer) FROM w",
       BATCH(REQ(PHX_DELETE, .collection = &tasks, CELLS(TEXT("a")), .if_rev = 4)));
}
END_TEST

START_TEST(records_are_read_by_their_keys_together)
{
    const phx_req *get = REQ(PHX_GET, .collection = &tasks, CELLS(TEXT("a")));
    IS(1, "SELECT u.o," ALL " FROM unnest($1) WITH ORDINALITY u(c1,o),\"tasks\" t WHERE " FEW " AND "
       "t.\"id\"=u.c1",
       get, get);
    const uint32_t only[] = { LOG_LINE };
    IS(2,
       "SELECT u.o,t.\"line\" FROM unnest($1,$2) WITH ORDINALITY u(c1,c2,o),\"logs\" t WHERE " FEW
       " AND t.\"host\"=u.c1 AND t.\"seq\"=u.c2",
       REQ(PHX_GET, .collection = &logs, CELLS(TEXT("a"), INT(1)), .only = only, .n_only = 1));
}
END_TEST

START_TEST(a_keyed_update_uses_no_index_but_the_key)
{
    IS(6,
       "UPDATE \"tasks\" t SET \"rev\"=nextval('phoenix_rev'),\"status\"=u.c2,"
       "\"priority\"=t.\"priority\"+u.c3 FROM "
       "unnest($1,$2,$3,$4,$5,$6) WITH ORDINALITY u(c1,c2,c3,c4,c5,c6,o) WHERE " FEW
       " AND t.\"id\"=u.c1 AND (t.\"status\" IN (u.c4,u.c5)) IS TRUE AND (t.\"priority\"<u.c6) IS TRUE AND "
       "(t.\"note\" IS NULL) IS TRUE RETURNING u.o," ALL,
       REQ(PHX_UPDATE, .collection = &tasks,
           CONDS(COND(TASK_STATUS, PHX_IN, TEXT("x"), TEXT("y")), COND(TASK_ID, PHX_EQ, TEXT("a")),
                 COND(TASK_PRIORITY, PHX_LT, INT(9)), COND(TASK_NOTE, PHX_IS_NULL, NONE)),
           SETS({ TASK_STATUS, PHX_SET, NONE }, { TASK_PRIORITY, PHX_ADD, INT(1) })));
}
END_TEST

START_TEST(a_claim_walks_the_index_of_each_key)
{
    IS(5,
       "WITH p AS MATERIALIZED(SELECT x.*,row_number() OVER () AS o FROM (SELECT i.v FROM unnest($1) WITH "
       "ORDINALITY i(v,o) GROUP BY i.v ORDER BY min(i.o)) h CROSS JOIN LATERAL (SELECT t.\"id\" AS k0 FROM "
       "\"tasks\" t WHERE t.\"host\"=h.v AND t.\"status\"=E'pending' AND t.\"priority\">$2 ORDER BY "
       "t.\"priority\" DESC,t.\"id\" LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED) x LIMIT $4)UPDATE \"tasks\" "
       "t SET "
       "\"rev\"=nextval('phoenix_rev'),\"status\"=$5 FROM p WHERE p.o BETWEEN 1 AND 1000000000 AND "
       "t.\"id\"=p.k0 "
       "RETURNING p.o," ALL,
       REQ(PHX_UPDATE, .collection = &tasks, .limit = 100, .per_key = 4,
           CONDS(COND(TASK_HOST, PHX_IN, TEXT("h"), TEXT("g")), COND(TASK_STATUS, PHX_EQ, TEXT("pending")),
                 COND(TASK_PRIORITY, PHX_GT, INT(0))),
           SETS({ TASK_STATUS, PHX_SET, TEXT("assigned") }), ORDER(-TASK_PRIORITY - 1)));
}
END_TEST

START_TEST(who_means_all_waits_for_what_others_hold)
{
    const phx_cond all[] = { COND(TASK_HOST, PHX_EQ, TEXT("h")) };
    IS(2, "UPDATE \"tasks\" t SET \"rev\"=nextval('phoenix_rev'),\"priority\"=$1 WHERE t.\"host\"=$2",
       REQ(PHX_UPDATE, .collection = &tasks, .flags = PHX_NO_ROWS, .conds = all, .n_conds = 1,
           SETS({ TASK_PRIORITY, PHX_SET, INT(0) })));
    IS(2,
       "WITH p AS MATERIALIZED(SELECT x.*,row_number() OVER () AS o FROM (SELECT t.\"id\" AS k0 FROM "
       "\"tasks\" t "
       "WHERE t.\"host\"=$1 ORDER BY t.\"id\" FOR NO KEY UPDATE) x)UPDATE \"tasks\" t SET "
       "\"rev\"=nextval('phoenix_rev'),\"priority\"=$2 FROM p WHERE p.o BETWEEN 1 AND 1000000000 AND "
       "t.\"id\"=p.k0 RETURNING p.o," ALL,
       REQ(PHX_UPDATE, .collection = &tasks, .conds = all, .n_conds = 1,
           SETS({ TASK_PRIORITY, PHX_SET, INT(0) })));
}
END_TEST

START_TEST(a_scan_has_nulls_first_and_ends_with_the_key)
{
    IS(3,
       "SELECT " ALL " FROM \"tasks\" t WHERE t.\"host\"=ANY($1) AND t.\"status\"<>$2 ORDER BY "
       "t.\"status\" DESC NULLS LAST,t.\"priority\",t.\"id\" LIMIT $3",
       REQ(PHX_SCAN, .collection = &tasks, .limit = 5,
           CONDS(COND(TASK_HOST, PHX_IN, TEXT("h"), TEXT("g")), COND(TASK_STATUS, PHX_NE, TEXT("pending"))),
           ORDER(-TASK_STATUS - 1, TASK_PRIORITY)));
    IS(0, "SELECT DISTINCT t.\"status\" FROM \"tasks\" t ORDER BY t.\"status\" NULLS FIRST",
       REQ(PHX_SCAN, .collection = &tasks, .flags = PHX_DISTINCT, ORDER(TASK_STATUS)));
}
END_TEST

START_TEST(a_chunk_is_deleted_in_order)
{
    IS(2,
       "WITH p AS MATERIALIZED(SELECT x.*,row_number() OVER () AS o FROM (SELECT t.\"host\" AS k0,"
       "t.\"seq\" AS k1 "
       "FROM \"logs\" t WHERE t.\"seq\"<$1 ORDER BY t.\"host\",t.\"seq\" LIMIT $2 FOR UPDATE) x)DELETE FROM "
       "\"logs\" t USING p WHERE p.o BETWEEN 1 AND 1000000000 AND t.\"host\"=p.k0 AND t.\"seq\"=p.k1",
       REQ(PHX_DELETE, .collection = &logs, .limit = 10, CONDS(COND(LOG_SEQ, PHX_LT, INT(5)))));
    IS(1, "DELETE FROM \"logs\" t WHERE t.\"seq\"<$1",
       REQ(PHX_DELETE, .collection = &logs, CONDS(COND(LOG_SEQ, PHX_LT, INT(5)))));
}
END_TEST

START_TEST(a_ping_writes)
{
    IS(0, "SELECT nextval('phoenix_rev')", REQ(PHX_PING, .limit = 0));
}
END_TEST

UNIT_MAIN("store-pg/sql", a_put_replaces_under_a_revision_that_is_taken_last,
          rows_of_several_operations_tell_by_their_key_which_were_new, a_known_revision_is_a_condition,
          in_a_batch_what_is_missing_is_an_error, records_are_read_by_their_keys_together,
          a_keyed_update_uses_no_index_but_the_key, a_claim_walks_the_index_of_each_key,
          who_means_all_waits_for_what_others_hold, a_scan_has_nulls_first_and_ends_with_the_key,
          a_chunk_is_deleted_in_order, a_ping_writes)
