/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/schema.h"
#include "tests/unit/unit.h"

static const struct field inner_fields[] = { { .name = "name", .kind = F_NAME, .flags = F_REQUIRED },
                                             { .name = "n", .kind = F_INT, .min = 1, .max = 5, .dflt = "2" },
                                             { .name = NULL } };
static const struct schema inner = { .name = "inner", .fields = inner_fields };
static const char *const colours[] = { "red", "green", NULL };
static const struct field item = { .kind = F_HOST };
static const struct field fields[] = {
    { .name = "hosts", .kind = F_ARRAY, .flags = F_REQUIRED, .min = 1, .max = 2, .item = &item },
    { .name = "arm", .kind = F_OBJECT, .sub = &inner, .or_string = true },
    { .name = "duration",
      .kind = F_DURATION,
      .min = 1000000000,
      .max = INT64_C(60000000000),
      .dflt = "\"10s\"" },
    { .name = "size", .kind = F_SIZE, .max = 1024 },
    { .name = "colour", .kind = F_ENUM, .values = colours },
    { .name = "share", .kind = F_REAL, .rmin = 0, .rmax = 1, .flags = F_NULLABLE },
    { .name = "id", .kind = F_UUID, .flags = F_READ_ONLY },
    { .name = "labels",
      .kind = F_MAP,
      .max = 1,
      .item = &(const struct field){ .kind = F_STRING, .max = 3 } },
    { .name = NULL },
};
static const struct schema schema = { .name = "t", .fields = fields };

static bool check(const struct schema *s, const char *text, struct faults *f)
{
    struct json *j CLEANUP_JSON = json_parse(str_of(text), NULL, NULL);
    ck_assert_ptr_nonnull(j);
    return schema_check(s, j, f);
}

START_TEST(a_good_document_has_no_faults)
{
    struct faults f;
    ck_assert(check(
        &schema, "{\"hosts\":[\"A\"],\"arm\":\"x\",\"size\":\"1k\",\"share\":null,\"labels\":{\"a\":\"b\"}}",
        &f));
    ck_assert(check(&schema,
                    "{\"hosts\":[\"A\"],\"arm\":{\"name\":\"x\"},\"size\":12,\"share\":1,\"colour\":\"red\"}",
                    &f));
}
END_TEST

START_TEST(each_fault_has_its_pointer)
{
    static const struct { const char *text, *pointer, *msg;
    } bad[] = {
        { "{}", "/hosts", "is required" },
        { "{\"hosts\":[]}", "/hosts", "must have at least 1 elements" },
        { "{\"hosts\":[\"a\",\"/\"]}", "/hosts/1", "must be a name" },
        { "{\"hosts\":[\"a\"],\"arm\":{\"n\":9,\"name\":\"x\"}}", "/arm/n", "must be from 1 to 5" },
        { "{\"hosts\":[\"a\"],\"arm\":{}}", "/arm/name", "is required" },
        { "{\"hosts\":[\"a\"],\"durration\":\"1s\"}", "/durration",
          "is not known; did you mean \"duration\"?" },
        { "{\"hosts\":[\"a\"],\"a/b~\":1}", "/a~1b~0", "is not known" },
        { "{\"hosts\":[\"a\"],\"duration\":\"1h\"}", "/duration", "must be from 1s to 1m" },
        { "{\"hosts\":[\"a\"],\"duration\":10}", "/duration", "must be a duration" },
        { "{\"hosts\":[\"a\"],\"duration\":null}", "/duration", "must not be null" },
        { "{\"hosts\":[\"a\"],\"size\":\"2k\"}", "/size", "must be from 0 to 1024" },
        { "{\"hosts\":[\"a\"],\"size\":-1}", "/size", "must be a number of bytes" },
        { "{\"hosts\":[\"a\"],\"colour\":\"blue\"}", "/colour", "must be one of \"red\", \"green\"" },
        { "{\"hosts\":[\"a\"],\"share\":1.5}", "/share", "must be from 0 to 1" },
        { "{\"hosts\":[\"a\"],\"id\":\"x\"}", "/id", "is set by the server" },
        { "{\"hosts\":[\"a\"],\"labels\":{\"k\":\"long\"}}", "/labels/k", "must have at most 3 bytes" },
        { "[]", "", "must be an object" },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct faults f;
        ck_assert_msg(!check(&schema, bad[i].text, &f), "%s", bad[i].text);
        ck_assert_uint_eq(f.n, 1);
        ck_assert_str_eq(f.at[0].pointer, bad[i].pointer);
        ck_assert_msg(strncmp(f.at[0].msg, bad[i].msg, strlen(bad[i].msg)) == 0, "%s", f.at[0].msg);
    }
}
END_TEST

START_TEST(faults_beyond_the_room_are_counted)
{
    struct json *j CLEANUP_JSON = json_object();
    struct faults f;
    for (char c = 0; c < 60; c++)
        json_set_int(j, (char[]){ (char)('A' + c), '\0' }, 1);
    ck_assert(!schema_check(&schema, j, &f));
    ck_assert_uint_eq(f.n, 61);
}
END_TEST

START_TEST(defaults_fill_what_is_absent_also_below)
{
    struct json *j CLEANUP_JSON = json_parse(STR("{\"arm\":{\"name\":\"x\"},\"hosts\":[\"a\"]}"), NULL, NULL);
    schema_defaults(&schema, j);
    ck_assert_str_eq(json_get_str(j, "duration", ""), "10s");
    ck_assert_int_eq(json_int(json_path(j, "arm.n"), 0), 2);
    ck_assert_ptr_null(json_get(j, "size"));
}
END_TEST

START_TEST(a_schema_that_was_written_is_json)
{
    struct buf b CLEANUP_BUF;
    struct jw w;
    buf_init(&b, 100000);
    jw_init(&w, &b);
    schema_write(&schema, &w);
    struct json *j CLEANUP_JSON = json_parse(buf_str(&b), NULL, NULL);
    ck_assert_ptr_nonnull(j);
    ck_assert_str_eq(json_str(json_at(json_path(j, "properties.colour.enum"), 0), ""), "red");
    ck_assert_int_eq(json_int(json_path(j, "properties.hosts.maxItems"), 0), 2);
    ck_assert(!json_get_bool(j, "additionalProperties", true));
}
END_TEST

static const char plugin_schema[] = "{\"type\":\"object\",\"required\":[\"rate\"],\"properties\":{\"rate\":{"
                                    "\"type\":\"integer\",\"minimum\":1,\"default\":5},"
                                    "\"for\":{\"type\":\"string\",\"format\":\"duration\"},\"mode\":{"
                                    "\"type\":\"string\",\"enum\":[\"a\",\"b\"]},"
                                    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"number\",\"maximum\":"
                                    "1}},\"sub\":{\"type\":\"object\","
                                    "\"properties\":{\"x\":{\"type\":\"boolean\"}}},\"map\":{\"type\":"
                                    "\"object\",\"additionalProperties\":{\"type\":\"string\"}}}}";

START_TEST(json_schema_of_a_plugin_checks_its_config)
{
    struct err e = { 0 };
    struct faults f;
    struct schema *s = schema_from_json(str_of(plugin_schema), &e);
    ck_assert_msg(s != NULL, "%s", e.msg);
    ck_assert(check(s,
                    "{\"rate\":1,\"for\":\"1m\",\"mode\":\"a\",\"list\":[-1,0.5],\"sub\":{\"x\":true},"
                    "\"map\":{\"k\":\"v\"}}",
                    &f));
    ck_assert(!check(
        s, "{\"rate\":0,\"for\":\"x\",\"mode\":\"c\",\"list\":[2],\"sub\":{\"y\":1},\"map\":{\"k\":1}}", &f));
    ck_assert_uint_eq(f.n, 6);
    struct json *j CLEANUP_JSON = json_object();
    schema_defaults(s, j);
    ck_assert_int_eq(json_get_int(j, "rate", 0), 5);
    schema_free(s);
}
END_TEST

START_TEST(json_schema_that_we_would_not_check_is_refused)
{
    static const char *const bad[] = {
        "[]",
        "{\"type\":\"string\"}",
        "{\"type\":\"object\",\"patternProperties\":{}}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"x\"}}}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"weird\"}}}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"enum\":[1]}}}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":\"x\"}}}",
        "{\"type\":\"object\",\"required\":[\"b\"]}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"maximum\":3,\"default\":4}}}",
        "{\"type\":\"object\",\"properties\":{\"a\":1}}",
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minimum\":1}}}",
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = { 0 };
        struct schema *s = schema_from_json(str_of(bad[i]), &e);
        ck_assert_msg(s == NULL && e.msg[0], "%s", bad[i]);
    }
    schema_free(NULL);
}
END_TEST

UNIT_MAIN("base/schema", a_good_document_has_no_faults, each_fault_has_its_pointer,
          faults_beyond_the_room_are_counted, defaults_fill_what_is_absent_also_below,
          a_schema_that_was_written_is_json, json_schema_of_a_plugin_checks_its_config,
          json_schema_that_we_would_not_check_is_refused)
