/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that break at any byte, or go silent: the driver is connected through the kit's proxy. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

static void a_connection_may_break_at_any_byte(struct tck *t)
{
    struct proxy *p = proxy_start(t);
    struct host *h = host_ready(t);
    struct load *l = load_new(t, h);
    int rounds = t->more ? 1000 : 30;
    for (int round = 0; round < rounds; round++) {
        proxy_cut_after(p, 1 + (long)rnd(t, 64u << rnd(t, 10)));
        load_start(l);
        if (rnd(t, 2))
            host_turn(h, 1);
        load_end(l);
    }
    CHECK(proxy_cuts(p) > (unsigned)rounds / 2 && load_failed(l) > 0);
    load_free(l);
    host_close(h);
    proxy_stop(p);
}

static void what_is_seen_has_an_order_although_connections_break(struct tck *t)
{
    struct proxy *p = proxy_start(t);
    struct host *h = host_ready(t);
    struct history *y = history_new(1);
    for (int round = 0; round < (t->more ? 300 : 30); round++) {
        proxy_cut_after(p, 1 + (long)rnd(t, 20000));
        history_run(t, h, y, 0, host_mono() + TCK_SEC / 25, true);
    }
    proxy_cut_after(p, -1);
    CHECK(host_recovers(h));
    history_run(t, h, y, 0, host_mono() + TCK_SEC / 10, false);
    history_check(y);
    CHECK(proxy_cuts(p) > 0);
    host_close(h);
    proxy_stop(p);
}

/** ENSURE may fail, and then has done a part or nothing; the next one does the rest. */
static void open_and_ensure_may_break_at_any_byte(struct tck *t)
{
    struct tck direct = *t;
    struct proxy *p = proxy_start(t);
    const phx_collection *const all[] = { &items, &pairs, &logs };
    unsigned opened = 0, refused = 0;
    for (int round = 0; round < (t->more ? 400 : 40); round++) {
        char why[400] = "";
        proxy_cut_after(p, 1 + (long)rnd(t, 64u << rnd(t, 11))); /* early ones and late ones */
        struct host *h = host_open(t, why);
        opened += h != NULL;
        refused += h == NULL;
        CHECK(h || why[0]);
        for (int i = 0; h && i < 3; i++) {
            struct call *c = host_ensure(h, all[i]);
            if (c->status != PHX_E_UNAVAILABLE)
                CHECK_STATUS(c, PHX_OK);
        }
        if (h)
            host_close(h);
    }
    if (opened == 0 || refused == 0)
        tck_fail(__FILE__, __LINE__, "%u times opened, %u times refused", opened, refused);
    proxy_stop(p);
    host_close(host_ready(&direct));
}

static void a_silent_server_holds_up_no_deadline(struct tck *t)
{
    enum { N = 12 };
    struct proxy *p = proxy_start(t);
    struct host *h = host_ready(t);
    struct put puts[N];
    put_item(h, "a", "x", 1);
    proxy_hold(p, true);
    host_turn(h, 50);
    uint64_t start = host_mono();
    for (int i = 0; i < N; i++) {
        char id[16];
        snprintf(id, sizeof(id), "s%d", i);
        put_make(&puts[i], id, i);
        puts[i].req.deadline = start + TCK_SEC / 4;
        if (i % 2)
            puts[i].req = *REQ(PHX_SCAN, .collection = &items, .deadline = start + TCK_SEC / 4);
        puts[i].call = host_start(h, &puts[i].req);
    }
    for (int i = 0; i < N; i++) {
        host_wait(puts[i].call);
        if (puts[i].call->status != PHX_E_UNAVAILABLE)
            CHECK_STATUS(puts[i].call, PHX_E_TIMEOUT);
        call_free(puts[i].call);
    }
    CHECK(host_mono() - start < (uint64_t)TCK_SEC);
    proxy_hold(p, false);
    CHECK(host_recovers(h));
    CHECK(is_there(h, "a"));
    put_item(h, "later", "x", 1);
    host_close(h);
    proxy_stop(p);
}

static int dead_port(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&in, size) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
    close(fd);
    return ntohs(in.sin_port);
}

static void opening_a_dead_address_says_which(struct tck *t)
{
    char why[400] = "", port[16];
    t->config = t->proxy_config;
    t->port = dead_port();
    snprintf(port, sizeof(port), "%d", t->port);
    uint64_t start = host_mono();
    CHECK(host_open(t, why) == NULL);
    CHECK(host_mono() - start < 10 * (uint64_t)TCK_SEC);
    if (!strstr(why, port))
        tck_fail(__FILE__, __LINE__, "the refusal does not name the address: %s", why);
}

const struct tck_test tests_cut[] = {
    TEST(a_connection_may_break_at_any_byte, NEEDS_PROXY),
    TEST(what_is_seen_has_an_order_although_connections_break, NEEDS_PROXY),
    TEST(open_and_ensure_may_break_at_any_byte, NEEDS_PROXY),
    TEST(a_silent_server_holds_up_no_deadline, NEEDS_PROXY),
    TEST(opening_a_dead_address_says_which, NEEDS_PROXY),
    TESTS_END,
};
