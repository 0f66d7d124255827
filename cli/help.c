/* SPDX-License-Identifier: Apache-2.0 */
/* commands.def as text: help, Markdown, man(7), bash. */
#include <string.h>

#include "cli/args.h"
#include "core/base/settings.h"

static void print_flags(const struct flag *f, FILE *out)
{
    for (; f->name; f++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", f->letter ? '-' : ' ', f->letter ? f->letter : ' ',
                 f->letter ? ", " : "  ", f->name, f->value ? " " : "", f->value ? f->value : "");
        fprintf(out, "  %-34s%s%s%s%s%s%s\n", left, strlen(left) > 33 ? " " : "", f->help,
                f->dflt ? " (default " : "", f->dflt ? f->dflt : "", f->dflt ? ")" : "",
                f->kind == FLAG_LIST ? "; may come again" : "");
    }
}

static void print_command(const struct command *c, FILE *out)
{
    fprintf(out, "usage: phoenix %s%s%s [flags]\n\n%s.\n", c->path, *c->args ? " " : "", c->args, c->summary);
    if (c->flags->name) {
        fputs("\nFlags\n", out);
        print_flags(c->flags, out);
    }
    fputs("\nGlobal flags\n", out);
    print_flags(command_at(0)->flags, out);
}

static bool in_group(const struct command *c, const char *group)
{
    size_t n = strlen(group);
    return n == 0 || (strncmp(c->path, group, n) == 0 && (c->path[n] == ' ' || !c->path[n]));
}

static bool same_group(const struct command *a, const struct command *b)
{
    size_t n = strcspn(a->path, " ");
    return strcspn(b->path, " ") == n && strncmp(a->path, b->path, n) == 0;
}

static void print_group(const char *group, FILE *out)
{
    const struct command *c;
    fprintf(out, "usage: phoenix %s%sCOMMAND [flags]\n", group, *group ? " " : "");
    if (!*group)
        fprintf(out, "\n%s.\n", command_at(0)->summary);
    for (unsigned i = 1; (c = command_at(i)) != NULL; i++) {
        char left[64];
        if (!in_group(c, group))
            continue;
        if (!same_group(command_at(i - 1), c))
            fputc('\n', out);
        snprintf(left, sizeof left, "%s%s%s", c->path, *c->args ? " " : "", c->args);
        fprintf(out, "  %-28s %s\n", left, c->summary);
    }
    fputs("\nGlobal flags\n", out);
    print_flags(command_at(0)->flags, out);
    if (!*group)
        fputs("\nExit codes: 0 passed, 1 error, 2 usage, 3 verdict reject, 4 inconclusive or invalid, 5 "
              "timeout.\n"
              "phoenix COMMAND --help explains a command.\n",
              out);
}

void help_print(const struct args *a, FILE *out)
{
    if (a->cmd)
        print_command(a->cmd, out);
    else
        print_group(a->group, out);
}

void help_dump_markdown(FILE *out)
{
    const struct command *c;
    for (unsigned i = 0; (c = command_at(i)) != NULL; i++) {
        fprintf(out, "### phoenix%s%s%s%s\n\n%s.\n\n", *c->path ? " " : "", c->path, *c->args ? " " : "",
                c->args, c->summary);
        if (!c->flags->name)
            continue;
        fputs("| flag | default | meaning |\n|---|---|---|\n", out);
        for (const struct flag *f = c->flags; f->name; f++) {
            fprintf(out, "| `--%s%s", f->name, f->value ? " " : "");
            for (const char *p = f->value ? f->value : ""; *p; p++)
                fprintf(out, *p == '|' ? "\\%c" : "%c", *p);
            fprintf(out, "` | %s | %s%s |\n", f->dflt ? f->dflt : "", f->help,
                    f->kind == FLAG_LIST ? "; may come again" : "");
        }
        fputc('\n', out);
    }
}

static void roff_flags(const struct flag *f, FILE *out)
{
    for (; f->name; f++) {
        fputs(".TP\n.B ", out);
        if (f->letter)
            fprintf(out, "\\-%c, ", f->letter);
        fputs("\\-\\-", out);
        roff_write(f->name, out);
        if (f->value) {
            fputs(" \\fI", out);
            roff_write(f->value, out);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        roff_write(f->help, out);
        if (f->dflt)
            fprintf(out, " (default %s)", f->dflt);
        fputs(f->kind == FLAG_LIST ? "; may come again\n" : "\n", out);
    }
}

void help_dump_man(FILE *out)
{
    const struct command *c;
    fputs(".\\\" SPDX-License-Identifier: Apache-2.0\n.\\\" made by: phoenix --dump man\n"
          ".TH PHOENIX 1 \"\" \"phoenix\" \"Phoenix manual\"\n.SH NAME\nphoenix \\- ", out);
    roff_write(command_at(0)->summary, out);
    fputs("\n.SH SYNOPSIS\n.B phoenix\n.I command\n[flags]\n.SH DESCRIPTION\n"
          "The command line of Phoenix. It speaks only the public HTTP API of phoenix\\-api. The commands of "
          "stores are the\nexception: they work on stores while no phoenix\\-api does. A store is\n"
          ".BI sqlite: PATH\n,\n.BI pg: CONNINFO\n,\n.BI pg:@ FILE\n(its line is the conninfo),\n"
          ".BI postgresql:// ...\n, or\n.IB NAME :{\"key\":\"value\"}\nwith the config of any driver. "
          "Others on this host can read the words of a command\n(ps), so give a password in a file, by "
          "PGPASSFILE or in the environment.\n.SH GLOBAL FLAGS\n",
          out);
    roff_flags(command_at(0)->flags, out);
    fputs(".SH COMMANDS\n", out);
    for (unsigned i = 1; (c = command_at(i)) != NULL; i++) {
        fputs(".SS phoenix ", out);
        roff_write(c->path, out);
        fprintf(out, "%s%s\n", *c->args ? " " : "", c->args);
        roff_write(c->summary, out);
        fputs(".\n", out);
        roff_flags(c->flags, out);
    }
    fputs(".SH EXIT STATUS\n0 passed, 1 error, 2 usage, 3 the verdict is reject, 4 it is inconclusive or "
          "invalid,\n"
          "5 timeout.\n.SH ENVIRONMENT\n.TP\n.B PHOENIX_API_URL\nas \\-\\-api\\-url\n.TP\n.B PHOENIX_CONFIG\n"
          "as \\-\\-config\n.TP\n.B NO_COLOR\nas \\-\\-no\\-color\n.SH SEE ALSO\n.BR phoenix\\-api (8),\n.BR "
          "phoenix\\-agent (8)\n",
          out);
}

static void bash_flags(const struct flag *f, FILE *out)
{
    for (; f->name; f++)
        fprintf(out, " --%s", f->name);
}

void help_completion_bash(FILE *out)
{
    const struct command *c, *d;
    fputs("# bash completion of phoenix; source <(phoenix completion bash)\n_phoenix()\n{\n"
          "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" path=\"\" words=\"\" w\n"
          "    for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
          "        [[ $w == -* ]] || path=\"${path:+$path }$w\"\n    done\n    case \"$path\" in\n    '') "
          "words=\"",
          out);
    for (unsigned i = 1; (c = command_at(i)) != NULL; i++)
        if (!same_group(command_at(i - 1), c))
            fprintf(out, "%s%.*s", i > 1 ? " " : "", (int)strcspn(c->path, " "), c->path);
    fputs("\" ;;\n", out);
    for (unsigned i = 1; (c = command_at(i)) != NULL; i++) {
        size_t n = strcspn(c->path, " ");
        if (c->path[n] && !same_group(command_at(i - 1), c)) {
            fprintf(out, "    %.*s) words=\"", (int)n, c->path);
            for (unsigned k = i; (d = command_at(k)) != NULL && same_group(c, d); k++)
                fprintf(out, "%s%s", k > i ? " " : "", d->path + n + 1);
            fputs("\" ;;\n", out);
        }
        fprintf(out, "    '%s'*) words=\"", c->path);
        bash_flags(c->flags, out);
        fputs("\" ;;\n", out);
    }
    fputs("    esac\n    [[ $cur == -* ]] && words=\"$words", out);
    bash_flags(command_at(0)->flags, out);
    fputs("\"\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
          "    [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- \"$cur\"))\n}\ncomplete -F "
          "_phoenix phoenix\n",
          out);
}
