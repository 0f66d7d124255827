/* SPDX-License-Identifier: Apache-2.0 */
/** @file check.h
 * phoenix-plugin-check: is this plugin fit to be loaded? One line of TAP a test. Static tests read the
 * ELF file and run nothing; each dynamic test runs in a child process of its own, with a time limit, so
 * a crash, a hang or an exit is a failed test and nothing more.
 */
#ifndef PHOENIX_PLUGIN_CHECK_H
#define PHOENIX_PLUGIN_CHECK_H
#include "core/base/json.h"
#include "core/plugin/plugin.h"

/** What the command line asked for. */
struct options {
    const char *file;      /**< absolute */
    const char *only;      /**< run tests whose name contains this; NULL: all */
    const char *config;    /**< JSON or YAML file: component name to config; NULL: none */
    const char *const *pipelines; /**< pipeline documents for collectors; NULL-terminated */
    int64_t timeout_ns;    /**< of each dynamic test */
    uint64_t seed;
};

/* ---- tap.c */
enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_SKIP };
struct tap {
    unsigned n, failed, skipped;
};
void tap_result(struct tap *t, enum outcome o, const char *name, const char *why);
void tap_note(const char *fmt, ...) PRINTF_LIKE(1, 2);
/** Prints the plan; the exit status: 0 pass, 1 fail, 77 nothing was tested. */
int tap_end(const struct tap *t);

/* ---- elf.c */
void check_static(const struct options *o, struct tap *t);

/* ---- run.c */
/** One dynamic test, as it runs in its child. */
struct trial {
    const struct options *options;
    struct loop *loop;
    struct registry *registry;
    const struct component *component;
    const struct json *config; /**< of the component; NULL: defaults */
};
typedef void trial_fn(struct trial *t);
struct trial_case {
    const char *name; /**< a sentence: "the same input gives the same bytes" */
    trial_fn *run;
};
/** Run @p cases for a component, each in a child. The last has no name. */
void run_cases(const struct options *o, const struct component *c, const struct trial_case *cases,
               struct tap *tap);
/* For use inside a trial; they end the child. Returning from a trial means it passed. */
_Noreturn void trial_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
_Noreturn void trial_skip(const char *fmt, ...) PRINTF_LIKE(1, 2);
/** An instance with the trial's config; ends the trial if there is none. */
struct instance *trial_instance(struct trial *t);

/* ---- fence.c: memory that is lent to a plugin */
/** A block whose last byte is followed by an inaccessible page. Each fence is a mapping of its own. */
struct fence {
    char *map, *data;
    size_t map_bytes, bytes;
};
void fence_make(struct fence *f, const void *bytes, size_t n); /**< copies; then read-only */
void fence_burn(struct fence *f); /**< no access at all any more */
void fence_free(struct fence *f);

/* ---- by kind; each ends with a row without name */
extern const struct trial_case life_cases[], kpi_cases[], load_cases[], collector_cases[];
#endif
