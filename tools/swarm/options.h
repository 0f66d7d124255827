/* SPDX-License-Identifier: Apache-2.0 */
/** @file options.h
 * The command line, from options.def. `--name VALUE` and `--name=VALUE`.
 */
#ifndef PHOENIX_SWARM_OPTIONS_H
#define PHOENIX_SWARM_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "core/base/err.h"

enum { OPTION_LIST_MAX = 16 };
enum task_outcome { TASKS_COMPLETE, TASKS_FAIL, TASKS_MIXED };

/** Texts are borrowed from the command line. */
struct option_list {
    const char *item[OPTION_LIST_MAX];
    unsigned n;
};
typedef int64_t option_duration; /**< ns; -1: not given, and there is no default */
typedef uint64_t option_count;
typedef double option_rate, option_percent;
typedef const char *option_text; /**< NULL: not given */
typedef enum task_outcome option_word;
typedef bool option_flag;

struct options {
#define KIND_OF_LIST struct option_list
#define KIND_OF_DURATION option_duration
#define KIND_OF_COUNT option_count
#define KIND_OF_RATE option_rate
#define KIND_OF_PERCENT option_percent
#define KIND_OF_TEXT option_text
#define KIND_OF_WORD option_word
#define KIND_OF_FLAG option_flag
#define OPTION(member, name, kind, dflt, arg, min, max, help) KIND_OF_##kind member;
#include "tools/swarm/options.def"
    bool help, version, man; /**< to say, and then end */
};
/** 0, or USAGE with what is wrong in @p err. */
int options_parse(struct options *o, char **argv, struct err *err);
void options_help(FILE *to);
void options_man(FILE *to); /**< the flags as roff, for the manual page */
#endif
