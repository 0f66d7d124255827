/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands share: documents, errors, input. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/ctx.h"
#include "cli/table.h"
#include "core/base/limits.h"
#include "core/base/yaml.h"

bool print_document(const struct ctx *c, const struct json *doc)
{
    struct buf text CLEANUP_BUF = { 0 };
    if (c->format == FORMAT_TABLE)
        return false;
    buf_init(&text, (size_t)LIMIT_JSON_BYTES * 8);
    if (c->format == FORMAT_JSON) {
        json_write_pretty(doc, &text);
        buf_addc(&text, '\n');
    } else {
        yaml_write(doc, &text);
    }
    fputs(buf_cstr(&text), stdout);
    return true;
}

static void print_safe(const char *before, const char *text)
{
    struct buf safe CLEANUP_BUF;
    buf_init(&safe, 65536);
    text_escape(&safe, str_of(text));
    fprintf(stderr, "%s%s\n", before, buf_cstr(&safe));
}

int print_error(const struct ctx *c, const struct err *err)
{
    struct str faults = c->client ? str_of(client_faults(c->client)) : STR(""), line;
    fflush(stdout);
    print_safe("phoenix: ", err->msg);
    if (err->remedy[0])
        print_safe("  ", err->remedy);
    while (str_split(&faults, '\n', &line)) {
        char text[512];
        str_copy(text, sizeof text, line);
        if (line.n)
            print_safe("  ", text);
    }
    return err_info(err->code)->exit_code;
}

static int read_stdin(struct buf *out, struct err *err)
{
    buf_init(out, LIMIT_YAML_BYTES);
    for (;;) {
        char piece[16384];
        size_t n = fread(piece, 1, sizeof piece, stdin);
        buf_add(out, piece, n);
        if (out->failed)
            return err_set(err, ERR_LIMIT, "stdin has more than %d bytes", LIMIT_YAML_BYTES);
        if (n == 0)
            return ferror(stdin) ? err_set(err, ERR_IO, "could not read stdin") : 0;
    }
}

int read_input(const char *path, struct buf *out, struct err *err)
{
    return strcmp(path, "-") == 0 ? read_stdin(out, err) : file_read(path, LIMIT_YAML_BYTES, out, err);
}

int add_pair(struct json *obj, const char *pair, const char *flag, struct err *err)
{
    const char *equals = strchr(pair, '=');
    char key[128];
    if (!equals || equals == pair ||
        !str_copy(key, sizeof key, (struct str){ pair, (size_t)(equals - pair) }))
        return err_set(err, ERR_USAGE, "--%s wants KEY=VALUE, not \"%s\"", flag, pair);
    struct json *value = yaml_parse(str_of(equals + 1), NULL, NULL);
    if (!value || json_is(value, JSON_OBJECT)) { /* "a: b" and "" are text here */
        json_free(value);
        value = json_new_str(str_of(equals + 1));
    }
    json_set(obj, key, value);
    return 0;
}

int add_parameter(struct json *obj, const char *pair, const char *flag, struct err *err)
{
    struct buf text CLEANUP_BUF = { 0 };
    const char *at = strstr(pair, "=@");
    char key[128];
    if (!at || strcspn(pair, "=") != (size_t)(at - pair))
        return add_pair(obj, pair, flag, err);
    if (at == pair || !str_copy(key, sizeof key, (struct str){ pair, (size_t)(at - pair) }))
        return err_set(err, ERR_USAGE, "--%s wants KEY=@FILE, not \"%s\"", flag, pair);
    if (read_input(at + 2, &text, err) != 0)
        return err->code;
    json_set(obj, key, json_new_str(buf_str(&text)));
    return 0;
}

int verdict_exit(const char *decision)
{
    if (decision && strcmp(decision, "promote") == 0)
        return EXIT_PASS;
    return decision && strcmp(decision, "reject") == 0 ? EXIT_REJECT : EXIT_INCONCLUSIVE;
}
