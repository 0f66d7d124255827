/* SPDX-License-Identifier: Apache-2.0 */
/** @file ctx.h
 * What a command gets: its arguments, the API, and how to print.
 */
#ifndef PHOENIX_CLI_CTX_H
#define PHOENIX_CLI_CTX_H
#include "cli/args.h"
#include "core/base/buf.h"
#include "core/base/json.h"

enum {
    EXIT_PASS = 0,
    EXIT_ERROR = 1,
    EXIT_USAGE = 2,
    EXIT_REJECT = 3,
    EXIT_INCONCLUSIVE = 4,
    EXIT_TIMEOUT = 5
};
enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_YAML };
struct client;
struct settings;
struct ctx {
    struct args args;
    const struct settings *settings;
    struct client *client;
    enum format format;
    bool colour, terminal; /**< of stdout */
};

/** The document as JSON or YAML, when that was asked for. */
bool print_document(const struct ctx *c, const struct json *doc);
/** "phoenix: MSG", then the remedy, then each fault. Returns the exit code of @p err. */
int print_error(const struct ctx *c, const struct err *err);
/** A whole file, or stdin for "-", into @p out (initialised here). */
int read_input(const char *path, struct buf *out, struct err *err) MUST_CHECK;
/** Add "k=v" to an object as a member; v is a scalar of YAML: a number, true, null, or text. */
int add_pair(struct json *obj, const char *pair, const char *flag, struct err *err) MUST_CHECK;
/** The same for a parameter: "k=@FILE" has the text of a file. */
int add_parameter(struct json *obj, const char *pair, const char *flag, struct err *err) MUST_CHECK;
/** Exit code of a verdict's decision; NULL: EXIT_INCONCLUSIVE. */
int verdict_exit(const char *decision);
/** Follow an experiment until it is decided or at rest, or for --timeout; the exit code is the verdict.
 *  Events up to the one of id @p after are not shown; NULL: all are. */
int watch_experiment(struct ctx *c, const char *id, const char *after);
/** The same without judging: its document in *ret, caller frees; NULL and an exit code if that failed. */
int watch_follow(struct ctx *c, const char *id, const char *after, struct json **ret);
/** The KPIs of an experiment as tables. */
void print_kpis(const struct ctx *c, const struct json *doc);

#define COMMAND(id, path, args, least, most, summary) int cmd_##id(struct ctx *c);
#define FLAG(name, letter, kind, value, dflt, help)
#define END_COMMAND(id)
#include "cli/commands.def"
#endif
