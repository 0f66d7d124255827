/* SPDX-License-Identifier: Apache-2.0 */
/* Signals between instances of a store that several processes share. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

static bool has_signal(const struct host *h, const char *topic, const char *key)
{
    for (size_t i = 0; i < host_n_signals(h); i++)
        if (strcmp(host_signal_at(h, i)->topic, topic) == 0 && strcmp(host_signal_at(h, i)->key, key) == 0)
            return true;
    return false;
}

/** Both loops turn until @p h has the signal, or a second is over. */
static bool comes(struct host *h, struct host *other, const char *topic, const char *key)
{
    uint64_t until = host_mono() + TCK_SEC;
    while (!has_signal(h, topic, key) && host_mono() < until) {
        host_turn(h, 5);
        if (other)
            host_turn(other, 5);
    }
    return has_signal(h, topic, key);
}

/** An instance that hears: the resync that follows open has come. */
static struct host *listener(struct tck *t)
{
    struct host *h = host_ready(t);
    uint64_t until = host_mono() + 5 * (uint64_t)TCK_SEC;
    while (host_resyncs(h) == 0 && host_mono() < until)
        host_turn(h, 5);
    CHECK(host_resyncs(h) > 0);
    return h;
}

static void a_resync_follows_open(struct tck *t)
{
    host_close(listener(t));
}

static void a_signal_comes_with_topic_and_key_and_has_no_echo(struct tck *t)
{
    struct host *a = listener(t), *b = listener(t);
    static const char *const keys[] = { "", "k", "a b", "it's \"quoted\"", "back\\slash", "100%", "$1;--" };
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        host_signal(a, "topic", keys[i]);
        if (!comes(b, a, "topic", keys[i]))
            tck_fail(__FILE__, __LINE__, "no signal with the key %s within a second", keys[i]);
    }
    host_signal(b, "other", "last");
    CHECK(comes(a, b, "other", "last"));
    CHECK_EQ(host_n_signals(a), 1);
    CHECK(!has_signal(b, "other", "last"));
    host_close(a);
    host_close(b);
}

static void the_longest_signal_arrives(struct tck *t)
{
    struct host *a = listener(t), *b = listener(t);
    char key[PHX_SIGNAL_MAX - 5 + 1];
    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    host_signal(a, "topic", key);
    CHECK(comes(b, a, "topic", key));
    host_close(a);
    host_close(b);
}

static _Noreturn void tell(struct tck *t, int wait_fd)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct host *h = listener(t);
    if (read(wait_fd, &byte, 1) != 1)
        _exit(1);
    put_item(h, "told", "x", 7);
    host_signal(h, "items", "told");
    for (int i = 0; i < 20; i++)
        host_turn(h, 10);
    host_close(h);
    _exit(0);
}

/** Who hears of a change sees it. */
static void a_signal_reaches_another_process_after_what_it_is_about(struct tck *t)
{
    int fds[2], status;
    CHECK(pipe(fds) == 0);
    pid_t pid = fork();
    if (pid == 0)
        tell(t, fds[0]);
    struct host *h = listener(t);
    CHECK(write(fds[1], "x", 1) == 1);
    uint64_t until = host_mono() + 10 * (uint64_t)TCK_SEC;
    while (!has_signal(h, "items", "told") && host_mono() < until)
        host_turn(h, 10);
    CHECK(has_signal(h, "items", "told") && is_there(h, "told"));
    host_close(h);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static size_t n_different(const struct host *h, char *seen, size_t n)
{
    size_t found = 0;
    memset(seen, 0, n);
    for (size_t i = 0; i < host_n_signals(h); i++) {
        unsigned long k = strtoul(host_signal_at(h, i)->key + 1, NULL, 10);
        CHECK(k < n);
        found += !seen[k];
        seen[k] = 1;
    }
    return found;
}

/** Ten thousand at once: each of them, or word that some were lost. */
static void a_burst_arrives_or_a_resync_does(struct tck *t)
{
    enum { N = 10000 };
    struct host *a = listener(t), *b = listener(t);
    unsigned resyncs = host_resyncs(b);
    char key[16], *seen = malloc(N);
    for (int i = 0; i < N; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        host_signal(a, "burst", key);
    }
    uint64_t until = host_mono() + 10 * (uint64_t)TCK_SEC;
    while (host_resyncs(b) == resyncs && n_different(b, seen, N) < N && host_mono() < until) {
        host_turn(a, 5);
        host_turn(b, 5);
    }
    CHECK(host_resyncs(b) > resyncs || n_different(b, seen, N) == N);
    host_signal(a, "burst", "k0");
    host_signal(a, "after", "k1");
    CHECK(comes(b, a, "after", "k1"));
    free(seen);
    host_close(a);
    host_close(b);
}

/** What was signalled while the connection was away may be lost; so there is a resync when it is back. */
static void a_resync_follows_a_lost_connection(struct tck *t)
{
    struct tck through = *t;
    struct proxy *p = proxy_start(&through);
    struct host *a = listener(t), *b = listener(&through);
    unsigned resyncs = host_resyncs(b);
    proxy_cut_all(p);
    host_signal(a, "topic", "meanwhile");
    uint64_t until = host_mono() + 10 * (uint64_t)TCK_SEC;
    while (host_resyncs(b) == resyncs && host_mono() < until) {
        host_turn(a, 5);
        host_turn(b, 5);
    }
    CHECK(host_resyncs(b) > resyncs);
    host_signal(a, "topic", "later");
    CHECK(comes(b, a, "topic", "later"));
    host_close(a);
    host_close(b);
    proxy_stop(p);
}

/** How many of k0, k1, ... have come, without a gap. */
static int n_come(const struct host *h, const char *topic, int n)
{
    char key[16];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        if (!has_signal(h, topic, key))
            return i;
    }
    return n;
}

/** Whose connection breaks while he signals: each of his signals arrives, or a resync does. */
static void signals_on_a_broken_connection_are_not_just_lost(struct tck *t)
{
    enum { N = 20 };
    struct tck through = *t;
    struct proxy *p = proxy_start(&through);
    struct host *a = listener(&through), *b = listener(t);
    for (int round = 0; round < (t->more ? 200 : 15); round++) {
        unsigned resyncs = host_resyncs(b);
        char topic[16], key[16];
        snprintf(topic, sizeof(topic), "round%d", round);
        proxy_cut_after(p, 1 + (long)rnd(t, 400));
        for (int i = 0; i < N; i++) {
            snprintf(key, sizeof(key), "k%d", i);
            host_signal(a, topic, key);
            if (rnd(t, 4) == 0)
                host_turn(a, 1);
        }
        uint64_t until = host_mono() + 10 * (uint64_t)TCK_SEC;
        while (host_resyncs(b) == resyncs && n_come(b, topic, N) < N && host_mono() < until) {
            host_turn(a, 2);
            host_turn(b, 2);
        }
        if (host_resyncs(b) == resyncs && n_come(b, topic, N) < N)
            tck_fail(__FILE__, __LINE__, "neither all signals of %s nor a resync have come", topic);
    }
    CHECK(proxy_cuts(p) > 0);
    host_close(a);
    host_close(b);
    proxy_stop(p);
}

const struct tck_test tests_signals[] = {
    TEST(a_resync_follows_open, NEEDS_SHARED),
    TEST(a_signal_comes_with_topic_and_key_and_has_no_echo, NEEDS_SHARED),
    TEST(the_longest_signal_arrives, NEEDS_SHARED),
    TEST(a_signal_reaches_another_process_after_what_it_is_about, NEEDS_SHARED),
    TEST(a_burst_arrives_or_a_resync_does, NEEDS_SHARED),
    TEST(a_resync_follows_a_lost_connection, NEEDS_SHARED | NEEDS_PROXY),
    TEST(signals_on_a_broken_connection_are_not_just_lost, NEEDS_SHARED | NEEDS_PROXY),
    TESTS_END,
};
