/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "core/base/settings_priv.h"
#include "core/base/yaml.h"
#include "tests/unit/unit.h"

static struct settings *loaded;
static enum settings_action action;
static struct err err;
static char path[64];

static int load(enum program program, char **env, char *a, char *b, char *c)
{
    char *argv[] = { (char *)"test", a, b, c, NULL };
    int argc = 1 + (a != NULL) + (b != NULL) + (c != NULL);
    memset(&err, 0, sizeof err);
    settings_free(loaded);
    return settings_load(program, argc, argv, env, &loaded, &action, &err);
}
#define LOAD(...) load(PROGRAM_API, (char *[]){ NULL }, __VA_ARGS__)

static void write_file(const char *text)
{
    str_copy(path, sizeof path, STR("/tmp/phoenix-settings-XXXXXX"));
    int fd = mkstemp(path);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(every_default_of_the_table_is_valid)
{
    const struct setting *row;
    ck_assert_int_eq(LOAD(NULL, NULL, NULL), 0);
    ck_assert_int_eq(action, SETTINGS_RUN);
    ck_assert_str_eq(loaded->listen, "127.0.0.1:8080");
    ck_assert_int_eq(loaded->api_max_body, 1048576);
    for (unsigned i = 1; (row = setting__at(i)) != NULL; i++)
        ck_assert_str_lt(setting__at(i - 1)->key, row->key);
}
END_TEST

START_TEST(a_flag_wins_over_environment_file_and_default)
{
    char *env[] = { (char *)"PHOENIX_RETENTION=2h", (char *)"LOG_LEVEL=warn",
                    (char *)"PHOENIX_API_PORT=tcp://10.0.0.1:80", NULL };
    write_file("retention: 3h\nlisten: 127.0.0.1:1\napi:\n  max_body: 2MiB\nplugins:\n  sqlite: {path: "
               "x}\nagent.bind: 127.0.0.2\n");
    ck_assert_int_eq(load(PROGRAM_API, env, (char *)"--config", path, (char *)"--retention=1h"), 0);
    unlink(path);
    ck_assert_int_eq(loaded->retention, INT64_C(3600000000000));
    ck_assert_str_eq(loaded->log_level, "warn");
    ck_assert_str_eq(loaded->listen, "127.0.0.1:1");
    ck_assert_int_eq(loaded->api_max_body, 2097152);
    ck_assert_str_eq(json_str(json_path(loaded->plugins, "sqlite.path"), ""), "x");
}
END_TEST

START_TEST(flags_have_the_spellings_that_people_use)
{
    ck_assert_int_eq(LOAD((char *)"-log-level=debug", NULL, NULL), 0);
    ck_assert_str_eq(loaded->log_level, "debug");
    ck_assert_int_eq(LOAD((char *)"--listen.insecure", (char *)"--data_dir", (char *)"/x"), 0);
    ck_assert(loaded->listen_insecure && strcmp(loaded->data_dir, "/x") == 0);
    ck_assert_int_eq(LOAD((char *)"--no-feature-lean-agents", NULL, NULL), 0);
    ck_assert(!loaded->feature_lean_agents);
    ck_assert_int_eq(LOAD((char *)"rest", NULL, NULL), ERR_USAGE);
}
END_TEST

static void assert_file_error(const char *text, const char *what, const char *remedy)
{
    char want[256];
    write_file(text);
    ck_assert_int_eq(LOAD((char *)"--config", path, NULL), ERR_CONFIG);
    unlink(path);
    snprintf(want, sizeof want, "%s:%s", path, what);
    ck_assert_msg(strncmp(err.msg, want, strlen(want)) == 0, "%s", err.msg);
    ck_assert_str_eq(err.remedy, remedy);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_ptr_null(loaded);
}

START_TEST(a_fault_of_the_file_names_file_line_and_key)
{
    assert_file_error("\nlisen: x\n", "2: lisen: unknown setting", "did you mean \"listen\"?");
    assert_file_error("log:\n  level: loud\n",
                      "2: log.level: must be one of debug,info,warn,error, not \"loud\"", "");
    assert_file_error("api.max_body: 12\n", "1: api.max_body: must be from 4096 to 67108864, not \"12\"", "");
    assert_file_error("listen: [a]\n", "1: listen: must be one value", "");
    assert_file_error("a: 1\na: 2\n", " line 2:1: the key \"a\" stands twice", "");
    assert_file_error("[]\n", "1: must be a table of settings", "");
    assert_file_error("log: {levels: {x: 1}}\n", "1: log.levels.x: unknown setting", "");
}
END_TEST

START_TEST(a_fault_of_a_flag_or_variable_names_it)
{
    ck_assert_int_eq(LOAD((char *)"--lisen=x", NULL, NULL), ERR_USAGE);
    ck_assert_str_eq(err.remedy, "did you mean --listen?");
    ck_assert_int_eq(LOAD((char *)"--listen", NULL, NULL), ERR_USAGE);
    ck_assert_int_eq(LOAD((char *)"--agent-bind=x", NULL, NULL), ERR_USAGE); /* of another program */
    ck_assert_int_eq(LOAD((char *)"--retention=soon", NULL, NULL), ERR_USAGE);
    ck_assert_int_eq(LOAD((char *)"--no-listen-insecure=true", NULL, NULL), ERR_USAGE);
    char *env[] = { (char *)"FEATURE_K8S_MODE=maybe", NULL };
    ck_assert_int_eq(load(PROGRAM_API, env, NULL, NULL, NULL), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "environment variable FEATURE_K8S_MODE (feature.k8s_mode)"));
    ck_assert_int_eq(LOAD((char *)"--config=/nonexistent", NULL, NULL), ERR_CONFIG);
}
END_TEST

START_TEST(what_is_printed_can_be_read_again_and_holds_no_secrets)
{
    char *text = NULL;
    size_t n;
    ck_assert_int_eq(LOAD((char *)"--sqlite-path", (char *)"/a b: #c", NULL), 0);
    FILE *f = open_memstream(&text, &n);
    settings_print(loaded, f);
    fclose(f);
    write_file(text);
    ck_assert_ptr_nonnull(strstr(text, "(flag)\nsqlite.path: '/a b: #c'\n"));
    free(text);
    ck_assert_int_eq(LOAD((char *)"--config", path, NULL), 0);
    unlink(path);
    ck_assert_str_eq(loaded->sqlite_path, "/a b: #c");

    struct buf b CLEANUP_BUF;
    const struct setting secret = { .key = "db.password", .help = "a password", .flags = SF_SECRET };
    buf_init(&b, 1000);
    setting__show(&secret, "hunter2", FROM_ENV, &b);
    ck_assert_str_eq(buf_cstr(&b), "# a password; db.password_file names a file that holds it (environment)\n"
                                       "# db.password: ********\n");
}
END_TEST

/** A file with @p content, whose name is put into @p ret. */
static void secret_file(const char *content, char ret[64])
{
    write_file(content);
    str_copy(ret, 64, str_of(path));
}

START_TEST(a_secret_can_come_from_a_file)
{
    char file[64], text[160];
    secret_file("password=hunter2 host=db\n", file);
    snprintf(text, sizeof text, "PHOENIX_PG_CONNINFO_FILE=%s", file);
    char *env[] = { text, NULL };
    ck_assert_int_eq(load(PROGRAM_API, env, NULL, NULL, NULL), 0);
    ck_assert_str_eq(loaded->pg_conninfo, "password=hunter2 host=db");
    ck_assert_int_eq(LOAD((char *)"--pg-conninfo-file", file, NULL), 0);
    ck_assert_str_eq(loaded->pg_conninfo, "password=hunter2 host=db");
    ck_assert_int_eq(load(PROGRAM_API, env, (char *)"--pg-conninfo=host=x", NULL, NULL), 0);
    ck_assert_str_eq(loaded->pg_conninfo, "host=x");
    snprintf(text, sizeof text, "pg:\n  conninfo_file: %s\n", file);
    write_file(text);
    ck_assert_int_eq(LOAD((char *)"--config", path, NULL), 0);
    ck_assert_str_eq(loaded->pg_conninfo, "password=hunter2 host=db");
    unlink(path);
    unlink(file);
}
END_TEST

START_TEST(only_a_secret_has_a_file)
{
    ck_assert_int_eq(LOAD((char *)"--listen-file=/etc/hostname", NULL, NULL), ERR_USAGE);
    char *env[] = { (char *)"PHOENIX_LISTEN_FILE=/etc/hostname", NULL };
    ck_assert_int_eq(load(PROGRAM_API, env, NULL, NULL, NULL), 0);
    ck_assert_str_eq(loaded->listen, "127.0.0.1:8080");
}
END_TEST

START_TEST(a_file_of_a_secret_that_is_wrong_is_named_and_its_content_is_not)
{
    char file[64], text[160], both[] = "PHOENIX_PG_CONNINFO=host=x";
    char *missing[] = { (char *)"PHOENIX_PG_CONNINFO_FILE=/nonexistent", NULL };
    ck_assert_int_eq(load(PROGRAM_API, missing, NULL, NULL, NULL), ERR_CONFIG);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "environment variable PHOENIX_PG_CONNINFO_FILE (pg.conninfo)"));
    ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent"));
    ck_assert_int_eq(LOAD((char *)"--pg-conninfo-file=/nonexistent", NULL, NULL), ERR_USAGE);
    secret_file("password=hunter2\nhost=db\n", file);
    ck_assert_int_eq(LOAD((char *)"--pg-conninfo-file", file, NULL), ERR_USAGE);
    ck_assert_msg(strstr(err.msg, file) && !strstr(err.msg, "hunter2"), "%s", err.msg);
    snprintf(text, sizeof text, "PHOENIX_PG_CONNINFO_FILE=%s", file);
    char *env[] = { both, text, NULL };
    ck_assert_int_eq(load(PROGRAM_API, env, NULL, NULL, NULL), ERR_CONFIG);
    ck_assert_ptr_nonnull(strstr(err.msg, "PHOENIX_PG_CONNINFO is given too"));
    unlink(file);
    assert_file_error("pg.conninfo: a\npg: {conninfo_file: /x}\n",
                      "2: pg.conninfo_file: pg.conninfo is given twice", "");
    assert_file_error("log.level: warn\nlog: {level: info}\n", "2: log.level: log.level is given twice", "");
}
END_TEST

START_TEST(help_and_tables_name_every_setting)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    settings__help(PROGRAM_AGENT, f);
    ck_assert(tables_dump(PROGRAM_AGENT, "settings", f) && tables_dump(PROGRAM_AGENT, "errors", f));
    ck_assert(tables_dump(PROGRAM_AGENT, "events", f) && tables_dump(PROGRAM_AGENT, "limits", f));
    ck_assert(!tables_dump(PROGRAM_AGENT, "secrets", f));
    fclose(f);
    ck_assert_ptr_nonnull(strstr(text, "--agent-state-dir DIR"));
    ck_assert_ptr_nonnull(strstr(text, "--[no-]agent-allow-loads"));
    ck_assert_ptr_nonnull(strstr(text, "| agent.bind | 127.0.0.1 | `PHOENIX_AGENT_BIND` |"));
    ck_assert_ptr_null(strstr(text, "--sqlite-path"));
    free(text);
}
END_TEST

START_TEST(special_flags_end_the_program)
{
    ck_assert_int_eq(LOAD((char *)"--dump", (char *)"nothing", NULL), ERR_USAGE);
    ck_assert_int_eq(LOAD((char *)"--dump", NULL, NULL), ERR_USAGE);
    ck_assert_int_eq(LOAD((char *)"--help=1", NULL, NULL), ERR_USAGE);
}
END_TEST

UNIT_MAIN("base/settings", every_default_of_the_table_is_valid, a_flag_wins_over_environment_file_and_default,
          flags_have_the_spellings_that_people_use, a_fault_of_the_file_names_file_line_and_key,
          a_fault_of_a_flag_or_variable_names_it, what_is_printed_can_be_read_again_and_holds_no_secrets,
          a_secret_can_come_from_a_file, only_a_secret_has_a_file,
          a_file_of_a_secret_that_is_wrong_is_named_and_its_content_is_not,
          help_and_tables_name_every_setting, special_flags_end_the_program)
