/* SPDX-License-Identifier: Apache-2.0 */
/* The members of each document are rows of a table that both the reader and the writer walk: what can
 * be read is what is written. */
#include "plugins/collector/native/pipeline.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum member_kind { M_NAME, M_UINT, M_REAL, M_RANKS, M_CRITICAL, M_STEPS, M_TYPE };
struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
    double dflt, min, max; /* of numbers */
};

static const struct member PIPELINE[] = {
    { "name", M_NAME, offsetof(struct pipeline, name), 0, 0, 0 },
    { "min_interval_ms", M_UINT, offsetof(struct pipeline, min_interval_ms), 100, 0, 60000 },
    { "critical", M_CRITICAL, offsetof(struct pipeline, critical), 0, 0, 0 },
    { "processors", M_STEPS, offsetof(struct pipeline, steps), 0, 0, 0 },
    { NULL, M_NAME, 0, 0, 0, 0 },
};
static const struct member TOPK[] = {
    { "type", M_TYPE, 0, 0, 0, 0 },
    { "k", M_UINT, offsetof(struct step, k), 20, 1, 10000 },
    { "by", M_RANKS, 0, 0, 0, 0 },
    { NULL, M_NAME, 0, 0, 0, 0 },
};
static const struct member ADAPTIVE[] = {
    { "type", M_TYPE, 0, 0, 0, 0 },
    { "cpu_percent", M_REAL, offsetof(struct step, cpu_percent), 5, 0, 100000 },
    { "memory_mib", M_REAL, offsetof(struct step, memory_mib), 64, 0, 1e9 },
    { "threads", M_UINT, offsetof(struct step, threads), 0, 0, 1000000 },
    { "anomaly_factor", M_REAL, offsetof(struct step, anomaly_factor), 3, 0, 1e6 },
    { "release", M_REAL, offsetof(struct step, release), 0.8, 0, 1 },
    { "hold_s", M_REAL, offsetof(struct step, hold_s), 10, 0, 86400 },
    { NULL, M_NAME, 0, 0, 0, 0 },
};
static const struct {
    const char *name;
    const struct member *members;
} STEPS[] = { [STEP_TOPK] = { "topk", TOPK }, [STEP_ADAPTIVE] = { "adaptive", ADAPTIVE } };
enum { N_STEP_KINDS = sizeof STEPS / sizeof STEPS[0] };

static void fault(struct doc_faults *f, const struct doc_node *at, const char *what, const char *why)
{
    doc_fault(f, at->line, at->column, "%s: %s", what, why);
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

static void read_critical(struct pipeline *p, const struct doc_node *node, struct doc_faults *f)
{
    if (doc_is_null(node)) return;
    if (node->kind != DOC_LIST) {
        fault(f, node, "critical", "must be a list of names or globs");
        return;
    }
    for (const struct doc_node *item = node->child; item; item = item->next) {
        if (p->n_critical == PIPELINE_MAX_CRITICAL) {
            fault(f, item, "critical", "has more than 256 names");
            return;
        }
        if (read_word(p->critical[p->n_critical], item)) p->n_critical++;
        else fault(f, item, "critical", "must be 1 to 63 bytes without control characters");
    }
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

static void read_step(struct pipeline *p, const struct doc_node *node, struct doc_faults *f)
{
    const char *type = doc_text(node, "type", "");
    size_t kind = 0;
    while (kind < N_STEP_KINDS && strcmp(STEPS[kind].name, type)) kind++;
    if (kind == N_STEP_KINDS) {
        fault(f, node, "processors", "each needs a type: topk or adaptive");
        return;
    }
    if (p->n_steps == PIPELINE_MAX_STEPS) return; /* one of them stands twice: said below */
    for (size_t i = 0; i < p->n_steps; i++)
        if (p->steps[i].kind == (enum step_kind)kind) fault(f, node, type, "may stand only once");
    struct step *s = &p->steps[p->n_steps++];
    s->kind = (enum step_kind)kind;
    refuse_unknown(STEPS[kind].members, node, f);
    for (const struct member *m = STEPS[kind].members; m->name; m++) {
        const struct doc_node *value = doc_get(node, m->name);
        if (m->kind == M_RANKS) read_ranks(s, value, f);
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
        if (m->kind == M_CRITICAL) read_critical(p, value, f);
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

static void write_critical(FILE *out, const struct pipeline *p)
{
    fputs(p->n_critical ? "critical:\n" : "critical: []\n", out);
    for (size_t i = 0; i < p->n_critical; i++) {
        fputs("  - ", out);
        write_quoted(out, p->critical[i]);
        putc('\n', out);
    }
}

static void write_member(FILE *out, const struct member *m, const void *base, const char *indent)
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
            else if (m->kind != M_TYPE) write_member(out, m, s, "    ");
        }
    }
}

char *pipeline_write(const struct pipeline *p, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);
    if (!out) return NULL;
    for (const struct member *m = PIPELINE; m->name; m++) {
        if (m->kind == M_CRITICAL) write_critical(out, p);
        else if (m->kind == M_STEPS) write_steps(out, p);
        else if (m->kind == M_UINT) write_member(out, m, p, "");
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
