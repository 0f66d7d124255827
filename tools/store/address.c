/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/store/address.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include "core/base/str.h"
#include "core/base/yaml.h"

enum { CONNINFO_MAX = 65536 };

static int usage(struct err *err, const char *what)
{
    err_set(err, ERR_USAGE, "%s", what);
    err_remedy(err, "a store is sqlite:PATH, pg:CONNINFO, pg:@FILE, postgresql://..., or "
                    "NAME:{\"json\":\"config\"}");
    return ERR_USAGE;
}

static int parse_sqlite(struct address *a, const char *path, struct err *err)
{
    char here[PATH_MAX] = "", whole[2 * PATH_MAX];
    if (!*path)
        return usage(err, "sqlite: wants a path");
    if (*path != '/' && !getcwd(here, sizeof here))
        return err_errno(err, ERR_IO, errno, "cannot tell the current folder");
    if ((size_t)snprintf(whole, sizeof whole, "%s%s%s", here, *here ? "/" : "", path) >= sizeof whole)
        return usage(err, "the path is too long");
    json_set_str(a->config, "path", whole);
    return 0;
}

static int parse_pg(struct address *a, const char *conninfo, struct err *err)
{
    struct buf text CLEANUP_BUF = { 0 };
    struct str line, rest;
    if (*conninfo != '@') {
        json_set_str(a->config, "conninfo", conninfo);
        return 0;
    }
    if (file_read(conninfo + 1, CONNINFO_MAX, &text, err))
        return err ? err->code : ERR_IO;
    rest = buf_str(&text);
    if (!str_split(&rest, '\n', &line) || rest.n || memchr(line.p, '\0', line.n))
        return usage(err, "the file of a conninfo holds one line");
    json_set(a->config, "conninfo", json_new_str(str_trim(line)));
    return 0;
}

static int parse_config(struct address *a, const char *text, struct err *err)
{
    struct err why = { 0 };
    json_free(a->config);
    a->config = json_parse(str_of(text), NULL, &why);
    if (!json_is(a->config, JSON_OBJECT))
        return usage(err, "the config of a store must be a JSON object");
    return 0;
}

int address_parse(const char *text, struct address *ret, struct err *err)
{
    struct str rest = str_of(text), name;
    *ret = (struct address){ .config = json_object() };
    if (str_starts(rest, "postgresql://") || str_starts(rest, "postgres://")) {
        str_copy(ret->driver, sizeof ret->driver, STR("pg"));
        str_copy(ret->shown, sizeof ret->shown, STR("pg"));
        json_set_str(ret->config, "conninfo", text);
        return 0;
    }
    if (!memchr(rest.p, ':', rest.n) || !str_split(&rest, ':', &name) || !name_valid(name, false))
        return usage(err, "the address of a store starts with the name of its driver and a colon");
    const char *where = text + name.n + 1;
    str_copy(ret->driver, sizeof ret->driver, name);
    int rc = *where == '{'                ? parse_config(ret, where, err)
             : str_eqz(name, "sqlite")    ? parse_sqlite(ret, where, err)
             : str_eqz(name, "pg")        ? parse_pg(ret, where, err)
             : *where                     ? usage(err, "only sqlite and pg have an address without JSON")
                                          : 0;
    bool is_file = str_eqz(name, "sqlite");
    ret->file = is_file ? json_get_str(ret->config, "path", NULL) : NULL;
    const char *file = ret->file ? ret->file : "";
    snprintf(ret->shown, sizeof ret->shown, "%s%s%s", ret->driver, *file ? ":" : "", file);
    return rc;
}

void address_done(struct address *a)
{
    json_free(a->config);
    a->config = NULL;
}
