/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix: arguments, settings, the command. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "core/base/settings.h"

extern char **environ;

static int dump(const char *what)
{
    if (strcmp(what, "commands") == 0)
        help_dump_markdown(stdout);
    else if (strcmp(what, "man") == 0)
        help_dump_man(stdout);
    else if (!tables_dump(PROGRAM_CLI, what, stdout)) {
        fputs("phoenix: --dump wants commands, man, settings or errors\n", stderr);
        return EXIT_USAGE;
    }
    return EXIT_PASS;
}

/* What main() answers without a command: *ret is the exit code. */
static bool answer_without_command(const struct args *a, int *ret)
{
    *ret = EXIT_PASS;
    if (args_has(a, "help"))
        help_print(a, stdout);
    else if (args_has(a, "version"))
        puts("phoenix " PACKAGE_VERSION);
    else if (args_has(a, "dump"))
        *ret = dump(args_get(a, "dump"));
    else
        return false;
    return true;
}

/* Only the flags that are settings go on to settings_load(). */
static int load_settings(const struct args *a, struct settings **ret, struct err *err)
{
    static const char *const names[] = { "api-url", "config" };
    char *argv[6] = { (char *)(uintptr_t) "phoenix" };
    char flags[2][16];
    enum settings_action action;
    int argc = 1;
    for (unsigned i = 0; i < 2; i++) {
        const char *value = args_get(a, names[i]);
        if (!value)
            continue;
        snprintf(flags[i], sizeof flags[i], "--%s", names[i]);
        argv[argc++] = flags[i];
        argv[argc++] = (char *)(uintptr_t)value;
    }
    return settings_load(PROGRAM_CLI, argc, argv, environ, ret, &action, err);
}

static int read_format(struct ctx *c, struct err *err)
{
    static const char *const names[] = { "table", "json", "yaml" };
    const char *wanted = args_get(&c->args, "output");
    const char *no_color = getenv("NO_COLOR");
    c->terminal = isatty(STDOUT_FILENO);
    c->colour = c->terminal && !(no_color && *no_color) && !args_has(&c->args, "no-color");
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(wanted, names[i]) == 0) {
            c->format = (enum format)i;
            return 0;
        }
    }
    return err_set(err, ERR_USAGE, "--output wants table, json or yaml, not \"%s\"", wanted);
}

static int run(struct ctx *c, const char *url)
{
    struct err err = { 0 };
    c->client = client_new(url, &err);
    if (!c->client)
        return print_error(c, &err);
    int code = c->args.cmd->run(c);
    client_free(c->client);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("phoenix: could not write the output\n", stderr);
        return EXIT_ERROR;
    }
    return code;
}

int main(int argc, char **argv)
{
    struct ctx c = { .client = NULL };
    struct err err = { 0 };
    struct settings *s = NULL;
    int code;
    if (args_parse(argc, argv, &c.args, &err) != 0)
        return print_error(&c, &err);
    if (answer_without_command(&c.args, &code))
        return code;
    if (read_format(&c, &err) != 0 || load_settings(&c.args, &s, &err) != 0)
        return print_error(&c, &err);
    c.settings = s;
    code = run(&c, s->api_url);
    settings_free(s);
    return code;
}
