/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes are kept, exactly. A row of the table is a pid, its CPU and its memory. */
#include <stdio.h>
#include <stdlib.h>
#include "collector/select.h"
#include "core/base/clock.h"
#include "tests/unit/unit.h"

enum { MIB = 1048576 };
static struct table table;
static struct pipeline pipeline;

static void use(const char *text)
{
    struct doc_faults faults = { NULL, NULL, 0 };
    ck_assert_msg(pipeline_parse(&pipeline, text, strlen(text), &faults), "%s", text);
}

static void begin(void)
{
    table_done(&table);
    table_begin(&table);
}

static struct proc *add(uint32_t pid, double cpu, uint64_t rss)
{
    bool fresh;
    struct proc *p = table_touch(&table, pid, 1, &fresh);
    p->cpu = p->cpu_mean = p->cpu_past = cpu;
    p->rss = rss;
    p->rss_past = p->rss_mean = (double)rss;
    p->scans = 10;
    p->class = CLASS_LOW;
    return p;
}

/* The pids that are kept, in the order of the table. */
static const char *kept_at(int64_t now_ns)
{
    static char text[512];
    size_t n = 0;
    select_run(&pipeline, &table, now_ns);
    text[0] = 0;
    for (uint32_t i = 0; i < table.n; i++)
        if (table.procs[i].kept) n += (size_t)snprintf(text + n, sizeof text - n, " %u", table.procs[i].pid);
    return text;
}

static void set_up(void)
{
    begin();
    add(1, 0.1, 5 * MIB);
    add(2, 0.9, 1 * MIB);
    add(3, 0.0, 90 * MIB);
    add(4, 0.5, 2 * MIB);
    add(5, 0.2, 50 * MIB);
}

START_TEST(without_processors_all_are_kept)
{
    set_up();
    use("{}");
    ck_assert_str_eq(kept_at(1), " 1 2 3 4 5");
}
END_TEST

START_TEST(topk_keeps_the_union_of_its_ranks)
{
    set_up();
    use("processors: [{ type: topk, k: 2 }]");
    ck_assert_str_eq(kept_at(1), " 2 3 4 5");
    use("processors: [{ type: topk, k: 2, by: [cpu] }]");
    ck_assert_str_eq(kept_at(2), " 2 4");
    use("processors: [{ type: topk, k: 1, by: [memory] }]");
    ck_assert_str_eq(kept_at(3), " 3");
    use("processors: [{ type: topk, k: 100 }]");
    ck_assert_str_eq(kept_at(4), " 1 2 3 4 5");
}
END_TEST

START_TEST(of_equals_the_kept_one_stays_then_the_lower_pid_goes_first)
{
    begin();
    for (uint32_t pid = 9; pid > 3; pid--) add(pid, 0, MIB);
    use("processors: [{ type: topk, k: 2, by: [cpu] }]");
    ck_assert_str_eq(kept_at(1), " 5 4");
    add(1, 0, MIB);
    ck_assert_str_eq(kept_at(2), " 5 4");
    table.procs[0].cpu_mean = 0.1; /* pid 9 */
    ck_assert_str_eq(kept_at(3), " 9 4");
}
END_TEST

START_TEST(topk_agrees_with_sorting)
{
    begin();
    uint32_t random = 12345;
    for (uint32_t pid = 1; pid <= 500; pid++) {
        random = random * 1664525 + 1013904223;
        add(pid, (random >> 16) % 50 / 100.0, MIB);
    }
    use("processors: [{ type: topk, k: 37, by: [cpu] }]");
    (void)kept_at(1);
    unsigned kept = 0;
    for (uint32_t i = 0; i < table.n; i++) {
        const struct proc *p = &table.procs[i];
        unsigned before = 0;
        for (uint32_t j = 0; j < table.n; j++) {
            const struct proc *q = &table.procs[j];
            before += q->cpu_mean > p->cpu_mean || (q->cpu_mean >= p->cpu_mean && q->pid < p->pid);
        }
        ck_assert_int_eq(p->kept, before < 37);
        kept += p->kept;
    }
    ck_assert_uint_eq(kept, 37);
}
END_TEST

START_TEST(critical_processes_are_always_kept)
{
    static const char *const steps[] = {
        "topk, k: 1, by: [cpu]",
        "adaptive, cpu_percent: 80, memory_mib: 0",
        "hybrid, k: 1, by: [cpu], cpu_percent: 80, memory_mib: 0",
    };
    set_up();
    table.procs[0].class = CLASS_CRITICAL;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "processors: [{ type: %s }]", steps[i]);
        use(text);
        ck_assert_str_eq(kept_at(i + 1), " 1 2");
    }
    use("processors: [{ type: sample, percent: 0 }, { type: aggregate }, { type: rollup }]");
    ck_assert_str_eq(kept_at(9), " 1");
}
END_TEST

static struct proc *named(const char *name)
{
    static struct proc p;
    p = (struct proc){ .pid = 7 };
    p.stat.name_len = (uint8_t)snprintf(p.stat.name, sizeof p.stat.name, "%s", name);
    select_name(&pipeline, STR("host"), &p);
    return &p;
}

START_TEST(the_lists_of_classes_take_names_and_globs)
{
    use("critical: [sshd, 'kube*']");
    ck_assert_int_eq(named("kube-proxy")->class, CLASS_CRITICAL);
    use("critical: [sshd, 'kube-prox']");
    ck_assert_int_eq(named("kube-proxy")->class, CLASS_LOW);
    use("{ critical: ['a*'], processors: [{ type: priority, high: ['ab*'], medium: ['b*', 'ab*'] }] }");
    ck_assert_int_eq(named("abc")->class, CLASS_CRITICAL);
    ck_assert_int_eq(named("bcd")->class, CLASS_MEDIUM);
    use("processors: [{ type: priority, high: ['ab*'], medium: ['b*', 'ab*'] }]");
    ck_assert_int_eq(named("abc")->class, CLASS_HIGH);
    ck_assert_int_eq(named("c")->class, CLASS_LOW);
}
END_TEST

START_TEST(priority_keeps_down_to_a_class)
{
    static const char *const kept[] = { " 1", " 1 2", " 1 2 3", " 1 2 3 4 5" };
    static const char *const keep[] = { "critical", "high", "medium", "low" };
    set_up();
    for (unsigned i = 0; i < 4; i++) table.procs[i].class = (enum priority_class)i;
    table.procs[4].class = CLASS_LOW;
    for (unsigned i = 0; i < 4; i++) {
        char text[128];
        snprintf(text, sizeof text, "processors: [{ type: priority, keep: %s }]", keep[i]);
        use(text);
        ck_assert_str_eq(kept_at(i + 1), kept[i]);
    }
}
END_TEST

START_TEST(what_is_medium_and_small_is_low)
{
    set_up();
    for (uint32_t i = 0; i < table.n; i++) table.procs[i].class = CLASS_MEDIUM;
    use("processors: [{ type: priority, memory_mib: 50 }]");
    ck_assert_str_eq(kept_at(1), " 3 5");
    use("processors: [{ type: priority, memory_mib: 50, keep: low }]");
    ck_assert_str_eq(kept_at(2), " 1 2 3 4 5");
}
END_TEST

START_TEST(hybrid_keeps_what_ranks_first_or_is_above_a_threshold)
{
    set_up();
    use("processors: [{ type: hybrid, k: 1, by: [cpu], cpu_percent: 0, memory_mib: 50, hold_s: 0 }]");
    ck_assert_str_eq(kept_at(1), " 2 3 5");
}
END_TEST

START_TEST(a_sample_is_a_share_of_the_processes_and_stays_the_same)
{
    static bool first[2000];
    begin();
    for (uint32_t pid = 1; pid <= 2000; pid++) {
        struct proc *p = add(pid, 0, MIB);
        p->stat.name_len = (uint8_t)snprintf(p->stat.name, sizeof p->stat.name, "p%u", pid % 300);
        select_name(&pipeline, STR("web-1"), p);
    }
    static const unsigned percents[] = { 0, 10, 25, 50, 100 };
    for (unsigned k = 0; k < 5; k++) {
        char text[64];
        unsigned kept = 0;
        snprintf(text, sizeof text, "processors: [{ type: sample, percent: %u }]", percents[k]);
        use(text);
        select_run(&pipeline, &table, 1);
        for (uint32_t i = 0; i < table.n; i++) {
            ck_assert(!first[i] || table.procs[i].kept); /* a larger sample holds the smaller one */
            first[i] = table.procs[i].kept;
            kept += table.procs[i].kept;
        }
        ck_assert_int_le(abs((int)kept - (int)percents[k] * 20), 80);
    }
}
END_TEST

START_TEST(a_lot_depends_on_host_name_and_pid)
{
    static struct proc p = { .pid = 42, .stat = { .name = "nginx", .name_len = 5 } };
    use("{}");
    select_name(&pipeline, STR("web-1"), &p); /* FNV-1a of "web-1|nginx|42" is 0x6523185b0dee1f7b */
    ck_assert_uint_eq(p.draw, 91);
    select_name(&pipeline, STR("web-2"), &p); /* 0xd603df88d0f91f6c: negative, the remainder is -4 */
    ck_assert_uint_eq(p.draw, 4);
    p.pid = 43;
    select_name(&pipeline, STR("web-1"), &p);
    ck_assert_uint_eq(p.draw, 80);
}
END_TEST

/* Every process of the table: o its own series, n with those of its name, r with the rest, - dropped. */
static const char *fates(void)
{
    static char text[64];
    select_run(&pipeline, &table, 1);
    for (uint32_t i = 0; i < table.n; i++) {
        const struct proc *p = &table.procs[i];
        text[i] = p->kept ? 'o' : p->merged == MERGED_BY_NAME ? 'n' : p->merged == MERGED_REST ? 'r' : '-';
    }
    text[table.n] = 0;
    return text;
}

START_TEST(what_is_merged_is_neither_kept_nor_dropped)
{
    set_up();
    table.procs[0].class = CLASS_CRITICAL;
    use("processors: [{ type: topk, k: 1 }]");
    ck_assert_str_eq(fates(), "ooo--");
    use("processors: [{ type: topk, k: 1 }, { type: rollup }]");
    ck_assert_str_eq(fates(), "ooorr");
    use("processors: [{ type: topk, k: 1 }, { type: aggregate }]");
    ck_assert_str_eq(fates(), "onn--");
    use("processors: [{ type: topk, k: 1 }, { type: aggregate }, { type: rollup }]");
    ck_assert_str_eq(fates(), "onnrr");
    use("processors: [{ type: topk, k: 1 }, { type: rollup }, { type: aggregate }]");
    ck_assert_str_eq(fates(), "onnrr");
    use("processors: [{ type: aggregate }]");
    ck_assert_str_eq(fates(), "onnnn");
}
END_TEST

START_TEST(adaptive_keeps_what_is_above_a_threshold)
{
    set_up();
    table.procs[0].stat.threads = 64;
    use("processors: [{ type: adaptive, cpu_percent: 50, memory_mib: 64, threads: 64, hold_s: 0 }]");
    ck_assert_str_eq(kept_at(1), " 1 2 3 4");
    use("processors: [{ type: adaptive, cpu_percent: 0, memory_mib: 50, hold_s: 0, release: 1 }]");
    ck_assert_str_eq(kept_at(2), " 3 5");
}
END_TEST

START_TEST(adaptive_lets_go_only_after_a_quiet_time)
{
    set_up();
    use("processors: [{ type: adaptive, cpu_percent: 50, memory_mib: 0, release: 0.8, hold_s: 10 }]");
    int64_t t = NS_PER_S;
    ck_assert_str_eq(kept_at(t), " 2 4");
    table.procs[3].cpu_mean = 0.41; /* above release: still busy, the time starts anew */
    ck_assert_str_eq(kept_at(t += 20 * NS_PER_S), " 2 4");
    table.procs[3].cpu_mean = 0.39;
    ck_assert_str_eq(kept_at(t + 9 * NS_PER_S), " 2 4");
    ck_assert_str_eq(kept_at(t + 10 * NS_PER_S), " 2");
    table.procs[3].cpu_mean = 0.45; /* once let go, only the threshold brings it back */
    ck_assert_str_eq(kept_at(t + 11 * NS_PER_S), " 2");
}
END_TEST

START_TEST(adaptive_keeps_anomalies_but_not_noise)
{
    begin();
    struct proc *busy = add(1, 0.02, MIB), *grain = add(2, 0.02, MIB), *grown = add(3, 0, 40 * MIB);
    struct proc *young = add(4, 0.02, MIB), *small = add(5, 0, 3 * MIB);
    use("processors: [{ type: adaptive, cpu_percent: 90, memory_mib: 900, anomaly_factor: 3, hold_s: 0 }]");
    ck_assert_str_eq(kept_at(1), "");
    busy->cpu = grain->cpu = young->cpu = 0.08; /* four times its past */
    busy->cpu_ticks = young->cpu_ticks = 5;
    grain->cpu_ticks = 4; /* below the clock's grain */
    young->scans = 3;     /* no past yet */
    grown->rss_past = 10 * MIB;
    small->rss_past = 0.1 * MIB;
    ck_assert_str_eq(kept_at(2), " 1 3");
}
END_TEST

START_TEST(processors_work_one_after_the_other)
{
    set_up();
    use("processors: [{ type: adaptive, cpu_percent: 10, memory_mib: 0 }, { type: topk, k: 2, by: [memory] "
        "}]");
    ck_assert_str_eq(kept_at(1), " 1 5");
}
END_TEST

UNIT_MAIN("collector/select", without_processors_all_are_kept, topk_keeps_the_union_of_its_ranks,
          of_equals_the_kept_one_stays_then_the_lower_pid_goes_first, topk_agrees_with_sorting,
          critical_processes_are_always_kept, the_lists_of_classes_take_names_and_globs,
          priority_keeps_down_to_a_class, what_is_medium_and_small_is_low,
          hybrid_keeps_what_ranks_first_or_is_above_a_threshold,
          a_sample_is_a_share_of_the_processes_and_stays_the_same, a_lot_depends_on_host_name_and_pid,
          what_is_merged_is_neither_kept_nor_dropped, adaptive_keeps_what_is_above_a_threshold,
          adaptive_lets_go_only_after_a_quiet_time, adaptive_keeps_anomalies_but_not_noise,
          processors_work_one_after_the_other)
