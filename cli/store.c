/* SPDX-License-Identifier: Apache-2.0 */
/* Stores are no business of the API, which must not even run: phoenix-store does the work, and this program
 * becomes it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ctx.h"
#include "core/base/settings.h"

enum { WORDS_MAX = 16 };

static int become(struct ctx *c, char **argv)
{
    const char *dir = c->settings->libexec_dir;
    char program[PATH_MAX];
    struct err err = { 0 };
    int n = snprintf(program, sizeof program, "%s/phoenix-store", *dir ? dir : PHX_LIBEXECDIR);
    if ((size_t)n >= sizeof program)
        errno = ENAMETOOLONG;
    else
        execv(program, argv);
    err_errno(&err, ERR_IO, errno, "could not start \"%s\"", program);
    err_remedy(&err, "say where it is: PHOENIX_LIBEXEC_DIR, or libexec_dir in the file of --config");
    return print_error(c, &err);
}

static int run_store(struct ctx *c, const char *verb)
{
    const char *dirs = args_get(&c->args, "plugin-dir");
    struct err err = { 0 };
    char *argv[WORDS_MAX] = { (char *)(uintptr_t) "phoenix-store", (char *)(uintptr_t)verb };
    int n = 2;
    if (c->format == FORMAT_YAML)
        return print_error(c, (err_set(&err, ERR_USAGE, "\"store %s\" prints a table or json", verb), &err));
    if (c->format == FORMAT_JSON)
        argv[n++] = (char *)(uintptr_t) "--json";
    if (args_has(&c->args, "progress"))
        argv[n++] = (char *)(uintptr_t) "--progress";
    if (args_has(&c->args, "force"))
        argv[n++] = (char *)(uintptr_t) "--force";
    if (!dirs)
        dirs = c->settings->plugin_dir;
    if (*dirs) {
        argv[n++] = (char *)(uintptr_t) "--plugin-dir";
        argv[n++] = (char *)(uintptr_t)dirs;
    }
    argv[n++] = (char *)(uintptr_t) "--"; /* whatever an address starts with */
    for (int i = 0; i < c->args.n_words; i++)
        argv[n++] = c->args.words[i];
    return become(c, argv);
}

int cmd_store_copy(struct ctx *c)
{
    return run_store(c, "copy");
}

int cmd_store_verify(struct ctx *c)
{
    return run_store(c, "verify");
}

int cmd_store_info(struct ctx *c)
{
    return run_store(c, "info");
}
