/* SPDX-License-Identifier: Apache-2.0 */
/* The members of each document are rows of a table that both the reader and the writer walk: what can
 * be read is what is written. */
#include "plugins/collector/native/pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum member_kind { M_NAME, M_UINT, M_REAL, M_RANKS, M_CLASS, M_GLOBS, M_STEPS, M_TYPE };
struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;         /* in the step or the pipeline; of globs always in the pipeline */
    double dflt, min, max; /* of numbers; the default of a class */
};
#define IN_PIPELINE(m) offsetof(struct pipeline, m)
#define IN_STEP(m)     offsetof(struct step, m)
#define TYPE_MEMBER    { "type", M_TYPE, 0, 0, 0, 0 }
#define END_OF_MEMBERS { NULL, M_NAME, 0, 0, 0, 0 }
#define RANK_MEMBERS                                        \
    { "k", M_UINT, IN_STEP(k), 20, 1, 10000 },              \
    { "by", M_RANKS, 0, 0, 0, 0 }
#define THRESHOLD_MEMBERS                                   \
    { "cpu_percent", M_REAL, IN_STEP(cpu_percent), 5, 0, 100000 },    \
    { "memory_mib", M_REAL, IN_STEP(memory_mib), 64, 0, 1e9 },        \
    { "threads", M_UINT, IN_STEP(threads), 0, 0, 1000000 },           \
    { "anomaly_factor", M_REAL, IN_STEP(anomaly_factor), 3, 0, 1e6 }, \
    { "release", M_REAL, IN_STEP(release), 0.8, 0, 1 },               \
    { "hold_s", M_REAL, IN_STEP(hold_s), 10, 0, 86400 }

static const struct member PIPELINE[] = {
    { "name", M_NAME, IN_PIPELINE(name), 0, 0, 0 },
    { "min_interval_ms", M_UINT, IN_PIPELINE(min_interval_ms), 100, 0, 60000 },
    { "critical", M_GLOBS, IN_PIPELINE(critical), 0, 0, 0 },
    { "processors", M_STEPS, IN_PIPELINE(steps), 0, 0, 0 },
    END_OF_MEMBERS,
};
static const struct member TOPK[] = { TYPE_MEMBER, RANK_MEMBERS, END_OF_MEMBERS };
static const struct member ADAPTIVE[] = { TYPE_MEMBER, THRESHOLD_MEMBERS, END_OF_MEMBERS };
static const struct member HYBRID[] = { TYPE_MEMBER, RANK_MEMBERS, THRESHOLD_MEMBERS, END_OF_MEMBERS };
static const struct member PRIORITY[] = {
    TYPE_MEMBER,
    { "high", M_GLOBS, IN_PIPELINE(high), 0, 0, 0 },
    { "medium", M_GLOBS, IN_PIPELINE(medium), 0, 0, 0 },
    { "keep", M_CLASS, IN_STEP(keep), CLASS_MEDIUM, 0, 0 },
    { "memory_mib", M_REAL, IN_STEP(memory_mib), 0, 0, 1e9 },
    END_OF_MEMBERS,
};
static const struct member SAMPLE[] = {
    TYPE_MEMBER,
    { "percent", M_UINT, IN_STEP(percent), 20, 0, 100 },
    END_OF_MEMBERS,
};
static const struct member NO_MEMBERS[] = { TYPE_MEMBER, END_OF_MEMBERS };
static const struct {
    const char *name;
    const struct member *members;
} STEPS[N_STEP_KINDS] = {
    [STEP_TOPK] = { "topk", TOPK },             [STEP_ADAPTIVE] = { "adaptive", ADAPTIVE },
    [STEP_HYBRID] = { "hybrid", HYBRID },       [STEP_PRIORITY] = { "priority", PRIORITY },
    [STEP_SAMPLE] = { "sample", SAMPLE },       [STEP_AGGREGATE] = { "aggregate", NO_MEMBERS },
    [STEP_ROLLUP] = { "rollup", NO_MEMBERS },
};
static const char *const CLASSES[N_CLASSES] = {
    [CLASS_CRITICAL] = "critical",
    [CLASS_HIGH] = "high",
    [CLASS_MEDIUM] = "medium",
    [CLASS_LOW] = "low",
};

static void fault(struct doc_faults *f, const struct doc_node *at, const char *what, const char *why)
{
    doc_fault(f, at->line, at->column, "%s: %s", what, why);
}

static struct globs *globs_of(const struct member *m, struct pipeline *p)
{
    return (struct globs *)(void *)((char *)p + m->offset);
}

/* ---------------------------------------------------------------------------------------- read */

static void read_number(const struct member *m, const struct doc_node *node, void *base, struct doc_faults *f)
{
    double real = m->dflt;
    uint64_t whole = (uint64_t)m->dflt;
    bool is_uint = m->kind == M_UINT;
    if (!doc_is_null(node)) {
        bool ok = is_uint ? doc_uint(node, &whole) : doc_real(node, &real);
        if (is_uint) real = (double)whole;
        if (!ok || real < m->min || real > m->max) {
            doc_fault(f, node->line, node->column, "%s: must be a%s number from %g to %g", m->name,
                      is_uint ? " whole" : "", m->min, m->max);
            return;
        }
    }
    if (is_uint) memcpy((char *)base + m->offset, &whole, sizeof whole);
    else memcpy((char *)base + m->offset, &real, sizeof real);
}

/* Printable text that fits; names of processes may hold any other byte, patterns for them need not. */
static bool read_word(char ret[PIPELINE_NAME_BYTES], const struct doc_node *node)
{
    if (node->kind != DOC_SCALAR || doc_is_null(node)) return false;
    size_t n = strlen(node->text);
    if (!n || n >= PIPELINE_NAME_BYTES) return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)node->text[i] < 0x20 || node->text[i] == 0x7f) return false;
    memcpy(ret, node->text, n + 1);
    return true;
}

static void read_globs(const struct member *m, const struct doc_node *node, struct globs *ret,
                       struct doc_faults *f)
{
    if (doc_is_null(node)) return;
    if (node->kind != DOC_LIST) {
        fault(f, node, m->name, "must be a list of names or globs");
        return;
    }
    for (const struct doc_node *item = node->child; item; item = item->next) {
        if (ret->n == PIPELINE_MAX_GLOBS) {
            fault(f, item, m->name, "has more than 256 names");
            return;
        }
        if (read_word(ret->at[ret->n], item)) ret->n++;
        else fault(f, item, m->name, "must be 1 to 63 bytes without control characters");
    }
}

static void read_class(const struct member *m, const struct doc_node *node, struct step *s,
                       struct doc_faults *f)
{
    s->keep = (enum priority_class)m->dflt;
    if (doc_is_null(node)) return;
    for (unsigned i = 0; node->kind == DOC_SCALAR && i < N_CLASSES; i++)
        if (!strcmp(node->text, CLASSES[i])) {
            s->keep = (enum priority_class)i;
            return;
        }
    fault(f, node, m->name, "must be critical, high, medium or low");
}

static void read_ranks(struct step *s, const struct doc_node *node, struct doc_faults *f)
{
    s->by_cpu = s->by_memory = doc_is_null(node);
    if (doc_is_null(node)) return;
    for (const struct doc_node *item = node->child; node->kind == DOC_LIST && item; item = item->next) {
        bool *rank = item->kind != DOC_SCALAR          ? NULL
                     : !strcmp(item->text, "cpu")    ? &s->by_cpu
                     : !strcmp(item->text, "memory") ? &s->by_memory
                                                     : NULL;
        if (!rank || *rank) fault(f, item, "by", "holds cpu, memory or both, each once");
        else *rank = true;
    }
    if (node->kind != DOC_LIST || !node->child) fault(f, node, "by", "must be a list of cpu, memory or both");
}

static void refuse_unknown(const struct member *members, const struct doc_node *map, struct doc_faults *f)
{
    for (const struct doc_node *node = map->child; node; node = node->next) {
        const struct member *m = members;
        while (m->name && strcmp(m->name, node->key)) m++;
        if (!m->name) doc_fault(f, node->line, node->column, "unknown key \"%.64s\"", node->key);
    }
}

/* What chooses comes first: a process that was merged with others cannot be taken out again. */
static void check_place(const struct pipeline *p, enum step_kind kind, const struct doc_node *node,
                        struct doc_faults *f)
{
    for (size_t i = 0; i < p->n_steps; i++) {
        enum step_kind earlier = p->steps[i].kind;
        if (earlier == kind) fault(f, node, STEPS[kind].name, "may stand only once");
        else if (earlier >= STEP_AGGREGATE && kind < STEP_AGGREGATE)
            fault(f, node, STEPS[kind].name, "must stand before aggregate and rollup");
    }
}

static void read_step(struct pipeline *p, const struct doc_node *node, struct doc_faults *f)
{
    const char *type = doc_text(node, "type", "");
    unsigned kind = 0;
    while (kind < N_STEP_KINDS && strcmp(STEPS[kind].name, type)) kind++;
    if (kind == N_STEP_KINDS) {
        fault(f, node, "processors",
              "each needs a type: topk, adaptive, hybrid, priority, sample, aggregate or rollup");
        return;
    }
    check_place(p, (enum step_kind)kind, node, f);
    if (p->n_steps == PIPELINE_MAX_STEPS) return; /* one of them stands twice: that was said */
    struct step *s = &p->steps[p->n_steps++];
    s->kind = (enum step_kind)kind;
    refuse_unknown(STEPS[kind].members, node, f);
    for (const struct member *m = STEPS[kind].members; m->name; m++) {
        const struct doc_node *value = doc_get(node, m->name);
        if (m->kind == M_RANKS) read_ranks(s, value, f);
        else if (m->kind == M_CLASS) read_class(m, value, s, f);
        else if (m->kind == M_GLOBS) read_globs(m, value, globs_of(m, p), f);
        else if (m->kind != M_TYPE) read_number(m, value, s, f);
    }
}

static void read_steps(struct pipeline *p, const struct doc_node *node, struct doc_faults *f)
{
    if (doc_is_null(node)) return;
    if (node->kind != DOC_LIST) {
        fault(f, node, "processors", "must be a list");
        return;
    }
    for (const struct doc_node *item = node->child; item; item = item->next) read_step(p, item, f);
}

static void read_pipeline(struct pipeline *p, const struct doc_node *root, struct doc_faults *f)
{
    refuse_unknown(PIPELINE, root, f);
    for (const struct member *m = PIPELINE; m->name; m++) {
        const struct doc_node *value = doc_get(root, m->name);
        if (m->kind == M_GLOBS) read_globs(m, value, globs_of(m, p), f);
        else if (m->kind == M_STEPS) read_steps(p, value, f);
        else if (m->kind == M_UINT) read_number(m, value, p, f);
        else if (!doc_is_null(value) && !read_word(p->name, value))
            fault(f, value, m->name, "must be 1 to 63 bytes without control characters");
    }
}

bool pipeline_parse(struct pipeline *ret, const char *text, size_t n, struct doc_faults *faults)
{
    *ret = (struct pipeline){ .name = "native" };
    unsigned before = faults->n;
    struct doc doc;
    if (!doc_parse(&doc, text, n, faults)) return false;
    if (doc.root->kind == DOC_MAP) read_pipeline(ret, doc.root, faults);
    else fault(faults, doc.root, "pipeline", "must be a map");
    doc_done(&doc);
    return faults->n == before;
}

/* --------------------------------------------------------------------------------------- write */

static void write_quoted(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void write_globs(FILE *out, const struct member *m, const struct pipeline *p, const char *indent)
{
    const struct globs *globs = (const void *)((const char *)p + m->offset);
    fprintf(out, "%s%s:%s\n", indent, m->name, globs->n ? "" : " []");
    for (size_t i = 0; i < globs->n; i++) {
        fprintf(out, "%s  - ", indent);
        write_quoted(out, globs->at[i]);
        putc('\n', out);
    }
}

static void write_number(FILE *out, const struct member *m, const void *base, const char *indent)
{
    const void *at = (const char *)base + m->offset;
    if (m->kind == M_UINT) {
        uint64_t whole;
        memcpy(&whole, at, sizeof whole);
        fprintf(out, "%s%s: %llu\n", indent, m->name, (unsigned long long)whole);
    } else {
        double real;
        memcpy(&real, at, sizeof real);
        fprintf(out, "%s%s: %.9g\n", indent, m->name, real);
    }
}

static void write_steps(FILE *out, const struct pipeline *p)
{
    fputs(p->n_steps ? "processors:\n" : "processors: []\n", out);
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        fprintf(out, "  - type: %s\n", STEPS[s->kind].name);
        for (const struct member *m = STEPS[s->kind].members; m->name; m++) {
            if (m->kind == M_RANKS)
                fprintf(out, "    by: [%s%s%s]\n", s->by_cpu ? "cpu" : "",
                        s->by_cpu && s->by_memory ? ", " : "", s->by_memory ? "memory" : "");
            else if (m->kind == M_CLASS) fprintf(out, "    %s: %s\n", m->name, CLASSES[s->keep]);
            else if (m->kind == M_GLOBS) write_globs(out, m, p, "    ");
            else if (m->kind != M_TYPE) write_number(out, m, s, "    ");
        }
    }
}

char *pipeline_write(const struct pipeline *p, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    if (!out) return NULL;
    for (const struct member *m = PIPELINE; m->name; m++) {
        if (m->kind == M_GLOBS) write_globs(out, m, p, "");
        else if (m->kind == M_STEPS) write_steps(out, p);
        else if (m->kind == M_UINT) write_number(out, m, p, "");
        else {
            fprintf(out, "%s: ", m->name);
            write_quoted(out, p->name);
            putc('\n', out);
        }
    }
    bool ok = !ferror(out);
    if (fclose(out) || !ok) {
        free(text);
        return NULL;
    }
    return text;
}
