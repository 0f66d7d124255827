/* SPDX-License-Identifier: Apache-2.0 */
/* Answers by the rules of OTLP/HTTP, and where points may go. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include "plugins/otlpgen/answer.h"
#include "plugins/otlpgen/endpoint.h"
#include "tests/unit/unit.h"

#define READ(status, body, points) answer_read(status, (const uint8_t *)(body), sizeof(body) - 1, points)

START_TEST(the_status_says_what_becomes_of_the_points)
{
    static const struct {
        long status;
        enum verdict verdict;
    } rules[] = {
        { 200, ANSWER_TAKEN },   { 202, ANSWER_TAKEN },   { 400, ANSWER_REFUSED }, { 401, ANSWER_REFUSED },
        { 404, ANSWER_REFUSED }, { 413, ANSWER_REFUSED }, { 415, ANSWER_REFUSED }, { 429, ANSWER_LATER },
        { 500, ANSWER_REFUSED }, { 502, ANSWER_LATER },   { 503, ANSWER_LATER },   { 504, ANSWER_LATER },
        { 301, ANSWER_REFUSED }, { 0, ANSWER_REFUSED },
    };
    for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct answer a = READ(rules[i].status, "", 10);
        ck_assert_int_eq(a.verdict, rules[i].verdict);
        ck_assert_uint_eq(a.rejected, 0);
        ck_assert_int_eq(a.why[0] == 0, a.verdict == ANSWER_TAKEN);
    }
}
END_TEST

START_TEST(a_partial_success_says_how_many_were_rejected)
{
    struct answer a = READ(200, "\x0a\x08\x08\x96\x01\x12\x03"
                                "bad", 1000);
    ck_assert_uint_eq(a.rejected, 150);
    ck_assert_str_eq(a.why, "bad");
    ck_assert_uint_eq(READ(200, "\x0a\x03\x08\x96\x01", 100).rejected, 100); /* not more than were sent */
    ck_assert_uint_eq(READ(200, "\x0a\x00", 100).rejected, 0);
    ck_assert_uint_eq(READ(200, "\x52\x01x\x0a\x02\x08\x05", 100).rejected, 5); /* unknown ones are skipped */
    ck_assert_str_eq(READ(200, "\x0a\x06\x12\x04\x01-\n!", 1).why, "?-?!");
}
END_TEST

START_TEST(what_is_no_message_rejects_nothing)
{
    ck_assert_uint_eq(READ(200, "{\"partialSuccess\":{}}", 9).rejected, 0);
    ck_assert_uint_eq(READ(200, "\x0a", 9).rejected, 0);
    ck_assert_uint_eq(READ(200, "\x0a\x7f\x08\x05", 9).rejected, 0);
    ck_assert_uint_eq(READ(200, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9).rejected, 0);
    ck_assert_uint_eq(READ(200, "\x08\x05", 9).rejected, 0); /* number 1 is no varint */
}
END_TEST

static void goes_to(const char *base, const char *targets, const char *url, bool anywhere)
{
    struct endpoint e;
    char why[400];
    ck_assert_msg(endpoint_parse(base, targets, &e, why, sizeof why), "%s", why);
    ck_assert_str_eq(e.url, url);
    ck_assert_int_eq(e.anywhere, anywhere);
}

START_TEST(an_endpoint_becomes_the_url_of_metrics)
{
    goes_to("http://127.0.0.1:4318", NULL, "http://127.0.0.1:4318/v1/metrics", false);
    goes_to("http://127.8.9.1:1/", "", "http://127.8.9.1:1/v1/metrics", false);
    goes_to("http://localhost:4318/v1/metrics", NULL, "http://localhost:4318/v1/metrics", false);
    goes_to("https://[::1]:4318/otlp", NULL, "https://[::1]:4318/otlp/v1/metrics", false);
    goes_to("http://gate.example:4318", "other,gate.example", "http://gate.example:4318/v1/metrics", true);
    goes_to("http://10.1.2.3:4318", "*", "http://10.1.2.3:4318/v1/metrics", true);
}
END_TEST

START_TEST(other_hosts_are_refused_unless_the_operator_allows_them)
{
    static const char *const away[] = { "http://10.0.0.1:4318",    "http://gate.example:4318",
                                        "http://0.0.0.0:4318",     "http://[::2]:1",
                                        "http://[::ffff:10.0.0.1]:1", "http://127.0.0.1.example:80",
                                        "http://localhost.example" };
    static const char targets[] = "gate.example.org,,ate.example";
    struct endpoint e;
    char why[400];
    for (unsigned i = 0; i < sizeof away / sizeof away[0]; i++) {
        ck_assert_msg(!endpoint_parse(away[i], targets, &e, why, sizeof why), "%s", away[i]);
        ck_assert_ptr_nonnull(strstr(why, "agent.load.targets"));
    }
    static const char *const odd[] = { "", "127.0.0.1:x", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/",
                                       "http://127.0.0.1/?a=b", "http://127.0.0.1:99999" };
    for (unsigned i = 0; i < sizeof odd / sizeof odd[0]; i++)
        ck_assert_msg(!endpoint_parse(odd[i], "*", &e, why, sizeof why), "%s", odd[i]);
}
END_TEST

START_TEST(the_address_itself_is_what_counts)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    static const struct {
        const char *text;
        bool own;
    } four[] = { { "127.0.0.1", true }, { "127.255.0.9", true }, { "128.0.0.1", false },
                 { "0.0.0.0", false } },
      six[] = { { "::1", true }, { "::", false }, { "fe80::1", false } };
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(inet_pton(AF_INET, four[i].text, &v4.sin_addr), 1);
        ck_assert_int_eq(endpoint_is_loopback((struct sockaddr *)&v4), four[i].own);
    }
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(inet_pton(AF_INET6, six[i].text, &v6.sin6_addr), 1);
        ck_assert_int_eq(endpoint_is_loopback((struct sockaddr *)&v6), six[i].own);
    }
}
END_TEST

UNIT_MAIN("otlpgen/answer", the_status_says_what_becomes_of_the_points,
          a_partial_success_says_how_many_were_rejected, what_is_no_message_rejects_nothing,
          an_endpoint_becomes_the_url_of_metrics, other_hosts_are_refused_unless_the_operator_allows_them,
          the_address_itself_is_what_counts)
