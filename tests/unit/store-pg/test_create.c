/* SPDX-License-Identifier: Apache-2.0 */
/* A declared collection as SQL: the copy, names, types, CREATE statements; codes of errors. */
#include "plugins/store-pg/shape.h"
#include "tests/unit/unit.h"
#include <stdlib.h>
#include <string.h>

static const phx_field fields[] = {
    { "id", PHX_TEXT, PHX_F_NOT_NULL },
    { "n", PHX_INT, PHX_F_NOT_NULL },
    { "r", PHX_REAL, 0 },
    { "b", PHX_BOOL, PHX_F_NOT_NULL },
    { "t", PHX_TIME, PHX_F_NOT_NULL },
    { "j", PHX_JSON, PHX_F_NOT_NULL },
    { "x", PHX_BYTES, PHX_F_NOT_NULL },
};
static const phx_collection things = { .size = sizeof(things),
                                       .name = "things",
                                       .n_fields = 7,
                                       .n_key = 2,
                                       .fields = fields,
                                       .time_field = UINT32_MAX };
static const phx_field sample_fields[] = {
    { "host", PHX_TEXT, PHX_F_NOT_NULL },
    { "ts", PHX_TIME, PHX_F_NOT_NULL },
    { "up", PHX_REAL, 0 },
    { "note", PHX_TEXT, 0 },
    { "rss", PHX_REAL, 0 },
};
static const phx_collection samples = { .size = sizeof(samples),
                                        .flags = PHX_C_APPEND,
                                        .name = "samples",
                                        .n_fields = 5,
                                        .n_key = 2,
                                        .fields = sample_fields,
                                        .time_field = 1,
                                        .view = "people" };

static void is_text(char *got, const char *want)
{
    ck_assert_ptr_nonnull(got);
    ck_assert_str_eq(got, want);
    free(got);
}

START_TEST(a_table_has_its_key_and_a_revision)
{
    struct decl *d = decl_new(&things);
    is_text(create_table(d),
            "CREATE TABLE \"things\"(\"id\" text COLLATE \"C\" NOT NULL,\"n\" bigint NOT NULL,"
            "\"r\" double precision,\"b\" boolean NOT NULL,\"t\" timestamptz NOT NULL,\"j\" json NOT NULL,"
            "\"x\" bytea NOT NULL,\"rev\" bigint NOT NULL,PRIMARY KEY(\"id\",\"n\")) WITH (fillfactor=50,"
            "autovacuum_vacuum_scale_factor=0,autovacuum_vacuum_threshold=5000,"
            "autovacuum_vacuum_cost_delay=0)");
    ck_assert_str_eq(d->columns, "\"id\",\"n\",\"r\",\"b\",\"t\",\"j\",\"x\"");
    ck_assert(!d->append && !d->partitioned);
    decl_free(d);
}
END_TEST

START_TEST(an_append_only_table_whose_time_is_in_its_key_is_in_parts)
{
    struct decl *d = decl_new(&samples);
    ck_assert(d->append && d->partitioned);
    is_text(create_table(d),
            "CREATE TABLE \"samples\"(\"host\" text COLLATE \"C\" NOT NULL,\"ts\" timestamptz NOT NULL,"
            "\"up\" double precision,\"note\" text COLLATE \"C\",\"rss\" double precision,"
            "PRIMARY KEY(\"host\",\"ts\")) PARTITION BY RANGE (\"ts\")");
    decl_free(d);
    phx_collection c = samples;
    c.n_key = 1;
    d = decl_new(&c);
    ck_assert(d->append && !d->partitioned);
    decl_free(d);
}
END_TEST

START_TEST(a_column_that_comes_later_starts_as_nothing)
{
    static const char *const want[] = { "text COLLATE \"C\" NOT NULL DEFAULT ''",
                                        "bigint NOT NULL DEFAULT 0",
                                        "double precision",
                                        "boolean NOT NULL DEFAULT false",
                                        "timestamptz NOT NULL DEFAULT 'epoch'",
                                        "json NOT NULL DEFAULT 'null'",
                                        "bytea NOT NULL DEFAULT ''" };
    struct decl *d = decl_new(&things);
    for (uint32_t i = 0; i < 7; i++) {
        char *sql = create_column(d, i);
        const char *type = strstr(sql, "\" ADD COLUMN \"");
        ck_assert_ptr_nonnull(type);
        ck_assert_str_eq(strchr(type + 14, ' ') + 1, want[i]);
        free(sql);
    }
    decl_free(d);
}
END_TEST

START_TEST(an_index_may_descend_and_be_partial)
{
    static const phx_cell hostile = { .type = PHX_TEXT, .s = { "o'c\\k\"$$;", 9 } },
                          minus = { .type = PHX_INT, .i = -7 }, yes = { .type = PHX_BOOL, .i = 1 };
    static const phx_cond where[] = { { 0, PHX_EQ, 1, 0, &hostile },
                                      { 1, PHX_LT, 1, 0, &minus },
                                      { 3, PHX_NE, 1, 0, &yes },
                                      { 2, PHX_IS_NULL, 0, 0, NULL },
                                      { 4, PHX_NOT_NULL, 0, 0, NULL } };
    static const int32_t by[] = { 1, -1 };
    phx_index ix = { "things_x", by, 2, 5, where };
    phx_collection c = things;
    c.indexes = &ix;
    c.n_indexes = 1;
    struct decl *d = decl_new(&c);
    is_text(create_index(d, &d->c.indexes[0]),
            "CREATE INDEX \"things_x\" ON \"things\"(\"n\",\"id\" DESC) WHERE \"id\"=E'o''c\\\\k\"$$;' AND "
            "\"n\"<-7 AND \"b\"<>true AND \"r\" IS NULL AND \"t\" IS NOT NULL");
    decl_free(d);
}
END_TEST

START_TEST(a_declaration_is_copied_whole)
{
    char name[] = "things", column[] = "id", index[] = "ix", text[] = "pending";
    phx_field mine[] = { { column, PHX_TEXT, PHX_F_NOT_NULL } };
    phx_cell cell = { .type = PHX_TEXT, .s = { text, 7 } };
    phx_cond where = { 0, PHX_EQ, 1, 0, &cell };
    int32_t by = 0;
    phx_index ix = { index, &by, 1, 1, &where };
    phx_collection c = { .size = sizeof(c),
                         .name = name,
                         .n_fields = 1,
                         .n_key = 1,
                         .fields = mine,
                         .n_indexes = 1,
                         .indexes = &ix,
                         .time_field = UINT32_MAX };
    struct decl *d = decl_new(&c);
    name[0] = column[0] = index[0] = text[0] = 'X';
    mine[0].type = PHX_INT;
    where.op = PHX_NE;
    by = 9;
    is_text(create_index(d, &d->c.indexes[0]),
            "CREATE INDEX \"ix\" ON \"things\"(\"id\") WHERE \"id\"=E'pending'");
    ck_assert_str_eq(d->c.name, "things");
    ck_assert_int_eq(d->c.fields[0].type, PHX_TEXT);
    decl_free(d);
}
END_TEST

START_TEST(a_view_turns_reals_into_rows)
{
    struct decl *d = decl_new(&samples);
    is_text(
        create_view(d),
        "CREATE OR REPLACE VIEW \"people\" AS SELECT md5(concat_ws('/',v.metric_name,t.\"host\","
        "extract(epoch from t.\"ts\")))::uuid AS \"id\",t.\"host\",t.\"ts\" AS \"timestamp\",v.metric_name,"
        "v.value,'{}'::jsonb AS \"labels\" FROM \"samples\" t CROSS JOIN LATERAL (VALUES (E'up',t.\"up\"),"
        "(E'rss',t.\"rss\")) v(metric_name,value) WHERE v.value IS NOT NULL");
    decl_free(d);
}
END_TEST

START_TEST(a_mark_tells_how_a_thing_was_made)
{
    char *a = create_mark("CREATE INDEX a"), *b = create_mark("CREATE INDEX b");
    ck_assert_str_ne(a, b);
    ck_assert_str_eq(a, "made by Phoenix, 4096fec3ddb8d842");
    is_text(create_comment("INDEX", "i\"x", "it's"), "COMMENT ON INDEX \"i\"\"x\" IS E'it''s'");
    free(a);
    free(b);
}
END_TEST

START_TEST(types_have_names_and_numbers)
{
    static const Oid oids[] = { 25, 20, 701, 16, 1184, 114, 17 },
                     arrays[] = { 1009, 1016, 1022, 1000, 1185, 199, 1001 };
    for (uint32_t t = PHX_TEXT; t <= PHX_BYTES; t++) {
        ck_assert_uint_eq(decl_oid(t), oids[t - 1]);
        ck_assert_uint_eq(decl_array_oid(t), arrays[t - 1]);
    }
    ck_assert_ptr_null(decl_type(0));
    ck_assert_ptr_null(decl_type(PHX_BYTES + 1));
    ck_assert_uint_eq(decl_oid(0), InvalidOid);
}
END_TEST

UNIT_MAIN("store-pg/create", a_table_has_its_key_and_a_revision,
          an_append_only_table_whose_time_is_in_its_key_is_in_parts,
          a_column_that_comes_later_starts_as_nothing, an_index_may_descend_and_be_partial,
          a_declaration_is_copied_whole, a_view_turns_reals_into_rows, a_mark_tells_how_a_thing_was_made,
          types_have_names_and_numbers)
