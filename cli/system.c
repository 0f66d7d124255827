/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that need no API. */
#include "config.h"

#include <stdio.h>

#include "cli/ctx.h"

int cmd_global(struct ctx *c)
{
    help_print(&c->args, stdout);
    return EXIT_PASS;
}

int cmd_version(struct ctx *c)
{
    struct json *doc CLEANUP_JSON = json_object();
    json_set_str(doc, "version", PACKAGE_VERSION);
    if (!print_document(c, doc))
        puts("phoenix " PACKAGE_VERSION);
    return EXIT_PASS;
}

int cmd_completion_bash(struct ctx *c)
{
    (void)c;
    help_completion_bash(stdout);
    return EXIT_PASS;
}
