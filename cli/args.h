/* SPDX-License-Identifier: Apache-2.0 */
/** @file args.h
 * The command line of phoenix, after commands.def: what was asked for, checked.
 */
#ifndef PHOENIX_CLI_ARGS_H
#define PHOENIX_CLI_ARGS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"

struct ctx;
enum flag_kind { FLAG_BOOL, FLAG_TEXT, FLAG_LIST, FLAG_INT, FLAG_DURATION };
struct flag {
    const char *name; /**< NULL ends a list */
    char letter;
    enum flag_kind kind;
    const char *value, *dflt, *help;
};
struct command {
    const char *path, *args, *summary;
    int least, most; /**< arguments after the path */
    const struct flag *flags;
    int (*run)(struct ctx *c); /**< returns the exit code */
};
/** Row @p i; 0 is the one of the global flags; NULL at the end. */
const struct command *command_at(unsigned i);

#define ARGS_MAX 16
#define FLAGS_GIVEN_MAX 128
struct args {
    const struct command *cmd; /**< NULL: only global flags were given */
    char *words[ARGS_MAX];     /**< arguments after the path; borrowed from argv */
    int n_words;
    struct {
        const struct flag *flag;
        const char *value;
    } given[FLAGS_GIVEN_MAX];
    int n_given;
    char group[32]; /**< "experiment", when only that was given with --help */
};
/** Parse argv. USAGE with a remedy if it cannot be understood. */
int args_parse(int argc, char **argv, struct args *ret, struct err *err) MUST_CHECK;
/** Last value of a flag, else its default, else NULL. For a FLAG_BOOL "true". */
const char *args_get(const struct args *a, const char *name);
bool args_has(const struct args *a, const char *name);
/** Value @p i, from 0, of a flag that may come again; NULL at the end. */
const char *args_nth(const struct args *a, const char *name, int i);

/** Help of all (cmd and group NULL), of a group, or of a command. */
void help_print(const struct args *a, FILE *out);
/** All commands and flags as Markdown; as a page for man(1); as a completion script. */
void help_dump_markdown(FILE *out);
void help_dump_man(FILE *out);
void help_completion_bash(FILE *out);
#endif
