/* SPDX-License-Identifier: Apache-2.0 */
/* Open, ENSURE, grow, die and come back. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/conformance/tck.h"

static void declaring_twice_changes_nothing(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    CHECK_STATUS(host_ensure(h, &items), PHX_OK);
    CHECK_EQ(all_items(h)->n_rows, 1);
    host_close(h);
}

/** `pairs` as a later version of a program has it: two fields and an index more. */
static const phx_field later_fields[] = { { "a", PHX_TEXT, PHX_F_NOT_NULL }, { "b", PHX_INT, PHX_F_NOT_NULL },
                                          { "v", PHX_INT, 0 }, { "note", PHX_TEXT, 0 },
                                          { "state", PHX_TEXT, PHX_F_NOT_NULL } };
static const int32_t by_note[] = { 3, 0 };
static const phx_index later_indexes[] = { { "pairs_note", by_note, 2, 0, NULL } };
static const phx_collection later = { .size = sizeof(later), .name = "pairs", .n_fields = 5, .n_key = 2,
                                      .fields = later_fields, .n_indexes = 1, .indexes = later_indexes,
                                      .time_field = UINT32_MAX };

static void a_collection_grows_by_fields_and_indexes(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &pairs, CELLS(T("k"), I(1), I(2)))), PHX_OK);
    CHECK_STATUS(host_ensure(h, &later), PHX_OK);
    struct call *c = host_call(h, REQ(PHX_GET, .collection = &later, CELLS(T("k"), I(1))));
    CHECK_STATUS(c, PHX_OK);
    CHECK_EQ(c->rows[0].n, 5);
    CHECK_EQ(c->rows[0].cells[2].i, 2);
    CHECK(c->rows[0].cells[3].type == 0 && cell_is(&c->rows[0].cells[4], ""));
    CHECK_STATUS(host_call(h, REQ(PHX_PUT, .collection = &later, CELLS(T("k"), I(2), NIL, T("n"), T("s")))),
                 PHX_OK);
    c = host_call(h, REQ(PHX_SCAN, .collection = &later, CONDS(COND(3, PHX_EQ, T("n")))));
    CHECK_EQ(c->n_rows, 1);
    host_close(h);
}

static void an_older_program_is_refused_and_told_why(struct tck *t)
{
    struct host *h = host_ready(t);
    CHECK_STATUS(host_ensure(h, &later), PHX_OK);
    host_close(h);
    h = host_open(t, NULL);
    struct call *c = host_ensure(h, &pairs);
    CHECK_STATUS(c, PHX_E_CONFIG);
    CHECK(strstr(c->why, "newer") && strstr(c->why, "pairs"));
    CHECK_STATUS(host_ensure(h, &later), PHX_OK);
    host_close(h);
}

static void bad_declarations_are_refused(struct tck *t)
{
    struct host *h = host_ready(t);
    static const char *const names[] = { "", "1a", "a\"b", "A", "a b" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        phx_collection c = pairs;
        c.name = names[i];
        CHECK_STATUS(host_ensure(h, &c), PHX_E_INVAL);
    }
    phx_field fields[] = { { "a", PHX_TEXT, 0 }, { "b\"); --", PHX_INT, 0 }, { "v", 99, 0 } };
    phx_collection c = pairs;
    c.name = "other";
    c.fields = fields;
    CHECK_STATUS(host_ensure(h, &c), PHX_E_INVAL);
    host_close(h);
}

static void records_survive_closing(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 41);
    uint64_t rev = all_items(h)->rows[0].rev;
    host_close(h);
    h = host_ready(t);
    struct call *c = all_items(h);
    CHECK_EQ(c->n_rows, 1);
    CHECK(c->rows[0].rev == rev);
    put_item(h, "a", "x", 42);
    CHECK(all_items(h)->rows[0].rev > rev);
    host_close(h);
}

static void a_revision_is_not_used_again_after_closing(struct tck *t)
{
    struct host *h = host_ready(t);
    put_item(h, "a", "x", 1);
    uint64_t rev = all_items(h)->rows[0].rev;
    CHECK_STATUS(host_call(h, REQ(PHX_DELETE, .collection = &items, CELLS(T("a")))), PHX_OK);
    host_close(h);
    h = host_ready(t);
    put_item(h, "a", "x", 1);
    CHECK(all_items(h)->rows[0].rev > rev);
    host_close(h);
}

enum { GROUP = 20 };

/** Write groups of rows, one batch each, and say in the pipe which are done. Until killed. */
static _Noreturn void write_groups(struct tck *t, int fd, int64_t first)
{
    struct host *h = host_ready(t);
    phx_cell cells[GROUP][3];
    phx_req reqs[GROUP];
    const phx_req *members[GROUP];
    for (int64_t g = first;; g++) {
        for (int i = 0; i < GROUP; i++) {
            cells[i][0] = T("g");
            cells[i][1] = I(g * GROUP + i);
            cells[i][2] = I(g);
            reqs[i] = *REQ(PHX_PUT, .collection = &pairs, .cells = cells[i], .n_cells = 3);
            members[i] = &reqs[i];
        }
        CHECK_STATUS(host_call(h, REQ(PHX_BATCH, .batch = members, .n_batch = GROUP)), PHX_OK);
        if (write(fd, &g, sizeof(g)) != sizeof(g))
            _exit(1);
    }
}

/** Kill a writer after @p n groups were acknowledged. Returns the last of them. */
static int64_t kill_writer(struct tck *t, int64_t first, unsigned n)
{
    int fds[2];
    int64_t last = first - 1, g;
    CHECK(pipe(fds) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        write_groups(t, fds[1], first);
    }
    close(fds[1]);
    for (unsigned i = 0; i < n && read(fds[0], &g, sizeof(g)) == sizeof(g); i++)
        last = g;
    kill(pid, SIGKILL);
    while (read(fds[0], &g, sizeof(g)) == sizeof(g)) /* acknowledged before it died */
        last = g;
    close(fds[0]);
    waitpid(pid, NULL, 0);
    CHECK(last >= first);
    return last;
}

static void what_was_done_survives_a_kill_and_batches_are_whole(struct tck *t)
{
    unsigned rounds = t->more ? 40 : 4;
    int64_t first = 0;
    for (unsigned r = 0; r < rounds; r++) {
        int64_t last = kill_writer(t, first, 1 + rnd(t, 30));
        struct host *h = host_ready(t);
        struct call *c = host_call(h, REQ(PHX_SCAN, .collection = &pairs, ORDER(PAIR_A, PAIR_B)));
        CHECK_STATUS(c, PHX_OK);
        CHECK_EQ(c->n_rows % GROUP, 0);
        CHECK(c->n_rows >= (size_t)(last + 1) * GROUP);
        for (size_t i = 0; i < c->n_rows; i++)
            CHECK_EQ(c->rows[i].cells[PAIR_V].i, i / GROUP);
        first = (int64_t)(c->n_rows / GROUP);
        host_close(h);
    }
}

static void a_second_process_is_refused_and_told_whom_to_ask(struct tck *t)
{
    int ready[2], stop[2];
    char why[400] = "", pid_text[16], byte;
    CHECK(pipe(ready) == 0 && pipe(stop) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(stop[1]);
        struct host *h = host_ready(t);
        if (write(ready[1], "x", 1) != 1 || read(stop[0], &byte, 1) < 0)
            _exit(1);
        host_close(h);
        _exit(0);
    }
    close(stop[0]);
    close(ready[1]);
    CHECK(read(ready[0], &byte, 1) == 1);
    CHECK(host_open(t, why) == NULL);
    snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
    if (!strstr(why, pid_text) || !strstr(why, t->dir))
        tck_fail(__FILE__, __LINE__, "the refusal does not name holder and path: %s", why);
    close(stop[1]);
    waitpid(pid, NULL, 0);
    struct host *h = host_open(t, why);
    CHECK(h);
    CHECK(host_open(t, why) == NULL); /* nor twice in one process */
    host_close(h);
}

static void opening_a_place_that_is_not_there_says_so(struct tck *t)
{
    char why[400] = "";
    struct tck gone = *t;
    snprintf(gone.dir, sizeof(gone.dir), "/tmp/phoenix-tck-not-there");
    CHECK(host_open(&gone, why) == NULL);
    CHECK(strstr(why, gone.dir) && strstr(why, strerror(ENOENT)));
}

const struct tck_test tests_life[] = {
    TEST(declaring_twice_changes_nothing, 0),
    TEST(a_collection_grows_by_fields_and_indexes, 0),
    TEST(bad_declarations_are_refused, NEEDS_PERSISTENT),
    TEST(an_older_program_is_refused_and_told_why, NEEDS_PERSISTENT),
    TEST(records_survive_closing, NEEDS_PERSISTENT),
    TEST(a_revision_is_not_used_again_after_closing, NEEDS_PERSISTENT),
    TEST(what_was_done_survives_a_kill_and_batches_are_whole, NEEDS_PERSISTENT),
    TEST(a_second_process_is_refused_and_told_whom_to_ask, NEEDS_SINGLE),
    TEST(opening_a_place_that_is_not_there_says_so, NEEDS_SINGLE),
    TESTS_END,
};
