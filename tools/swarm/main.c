/* SPDX-License-Identifier: Apache-2.0 */
/* phoenix-swarm: see swarm.h for what it does, options.def for its flags. */
#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "core/base/log.h"
#include "tools/swarm/report.h"
#include "tools/swarm/selftest.h"

enum { EXIT_DONE, EXIT_UNMET, EXIT_USAGE };

static void print_unmet(const struct condition *c, FILE *to)
{
    const struct figure *f = c->figure;
    char name[64];
    double unit = f->is_time ? 1e6 : 1;
    const char *unit_name = f->is_time ? " ms" : "";
    fprintf(to, "phoenix-swarm: expected %s %s %g%s, ", figure_name(f, name), c->op, c->value / unit,
            unit_name);
    if (f->is_known)
        fprintf(to, "found %g%s\n", f->value / unit, unit_name);
    else
        fputs("found nothing of the kind\n", to);
}

/* Conditions are read before anything is connected, too: the figures of nothing have all the names. */
static int check_expectations(const struct options *o, const struct figures *f, FILE *to, struct err *err)
{
    unsigned unmet = 0;
    for (unsigned i = 0; i < o->expect.n; i++) {
        struct str rest = str_of(o->expect.item[i]);
        while (rest.p) {
            struct condition c;
            if (condition_next(&rest, f, &c, err) != 0)
                return -1;
            if (condition_holds(&c))
                continue;
            unmet++;
            if (to)
                print_unmet(&c, to);
        }
    }
    return unmet ? 1 : 0;
}

static int write_json(const struct options *o, const struct figures *f, struct err *err)
{
    CLEANUP_BUF struct buf out = { .max = 1 << 20 };
    bool is_stdout = strcmp(o->json, "-") == 0;
    report_json(f, o, &out);
    FILE *to = is_stdout ? stdout : fopen(o->json, "we");
    if (!to)
        return err_errno(err, ERR_IO, errno, "cannot open \"%s\"", o->json);
    bool ok = fwrite(out.data, 1, out.len, to) == out.len;
    ok = (is_stdout ? fflush(to) : fclose(to)) == 0 && ok;
    return ok ? 0 : err_errno(err, ERR_IO, errno, "cannot write \"%s\"", o->json);
}

static int measure(const struct options *o, struct err *err)
{
    static struct run run;
    struct figures f;
    figures_make(&f, o, &run);
    int rc = check_expectations(o, &f, NULL, err);
    figures_done(&f);
    if (rc < 0 || run_swarms(o, &run, err) != 0)
        return EXIT_USAGE;
    figures_make(&f, o, &run);
    if (!o->json || strcmp(o->json, "-") != 0)
        report_table(&f, o, stdout);
    rc = o->json && write_json(o, &f, err) != 0 ? EXIT_USAGE : EXIT_DONE;
    if (rc == EXIT_DONE && check_expectations(o, &f, stderr, err) != 0)
        rc = EXIT_UNMET;
    figures_done(&f);
    return rc;
}

int main(int argc, char **argv)
{
    struct options o;
    struct err err = { 0 };
    log_init("phoenix-swarm", LOG_LEVEL_WARN, LOG_FORMAT_LOGFMT);
    int rc = options_parse(&o, argv, &err) == 0 ? EXIT_DONE : EXIT_USAGE;
    if (rc == EXIT_DONE && o.help)
        options_help(stdout);
    else if (rc == EXIT_DONE && o.man)
        options_man(stdout);
    else if (rc == EXIT_DONE && o.version)
        puts("phoenix-swarm " PACKAGE_VERSION);
    else if (rc == EXIT_DONE)
        rc = o.self_test ? self_test() : measure(&o, &err);
    if (err.code)
        fprintf(stderr, "phoenix-swarm: %s\n", err.msg);
    return fflush(stdout) == 0 ? rc : EXIT_USAGE;
}
