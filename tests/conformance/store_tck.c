/* SPDX-License-Identifier: Apache-2.0 */
/* The conformance kit of storage drivers: see usage() below, and doc/rooms/store.md. */
#include "tests/conformance/tck.h"

static int usage(FILE *to)
{
    fputs("usage: store_tck [--plugins DIR --driver NAME --config JSON] [OPTION...]\n"
          "\n"
          "Checks a storage driver against the contract in phoenix/plugin.h; without arguments, the\n"
          "in-memory reference driver. Each test is a process of its own with a fresh folder. Prints TAP;\n"
          "ends with 1 if a test failed.\n"
          "\n"
          "  --plugins DIR     absolute folder of the plugin\n"
          "  --driver NAME     its component of kind phoenix.storage/1\n"
          "  --config JSON     the component's settings; in it @DIR@ is the test's folder, @ID@ a name\n"
          "                    that only this test has (letters, digits, _)\n"
          "  --persistent      records outlive the process: kill, reopen, grow\n"
          "  --single          one process at a time may open the store (wants @DIR@ in the path)\n"
          "  --shared          several processes may, and hear each other's signals\n"
          "  --helper PROGRAM  run as PROGRAM VERB ID DIR before each test (create) and after it (drop),\n"
          "                    to make and remove a database, say\n"
          "  --server          the helper also knows kill (at once, nothing is put in order) and restart\n"
          "  --proxy ADDRESS   \"/path/of/socket\" or \"127.0.0.1:port\" of the driver's server: the kit\n"
          "                    puts a proxy before it that breaks connections\n"
          "  --proxy-config JSON\n"
          "                    settings that lead to the proxy: 127.0.0.1, port @PORT@\n"
          "\n"
          "A driver with a file:\n"
          "  store_tck --plugins $PWD/.libs --driver sqlite --config '{\"path\":\"@DIR@/t.db\"}' --single\n"
          "A driver with a server: see tests/conformance/store_pg.sh.\n"
          "\n"
          "Environment: TCK_SEED=N repeats the random part (each run prints its seed), TCK_ONLY=TEXT runs\n"
          "the tests whose names have TEXT in them, TCK_MORE=1 takes many more rounds.\n",
          to);
    return to == stdout ? 0 : 2;
}

static bool option(struct tck *t, const char *name, const char *value, bool *ret_used)
{
    const struct {
        const char *name;
        const char **value;
    } values[] = { { "--plugins", &t->plugin_dir },  { "--driver", &t->driver },
                   { "--config", &t->config },       { "--helper", &t->helper },
                   { "--proxy", &t->proxy_target },  { "--proxy-config", &t->proxy_config } };
    static const struct {
        const char *name;
        unsigned has;
    } flags[] = { { "--persistent", NEEDS_PERSISTENT },
                  { "--single", NEEDS_SINGLE | NEEDS_PERSISTENT },
                  { "--shared", NEEDS_SHARED | NEEDS_PERSISTENT },
                  { "--server", NEEDS_SERVER } };
    *ret_used = false;
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
        if (strcmp(name, flags[i].name) == 0) {
            t->has |= flags[i].has;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        if (value && strcmp(name, values[i].name) == 0) {
            *values[i].value = value;
            *ret_used = true;
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    static const struct tck_test *const lists[] = { tests_values, tests_writes, tests_scan,    tests_claim,
                                                    tests_async,  tests_race,   tests_life,    tests_model,
                                                    tests_shared, tests_signals, tests_server, tests_cut,
                                                    tests_days,   NULL };
    struct tck t = { .driver = "memory", .config = "{}" };
    for (int i = 1; i < argc; i++) {
        bool used;
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout);
        if (!option(&t, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used))
            return usage(stderr);
        i += used;
    }
    if (t.proxy_target && t.proxy_config)
        t.has |= NEEDS_PROXY;
    if (!t.proxy_target != !t.proxy_config || ((t.has & NEEDS_SERVER) && !t.helper))
        return usage(stderr);
    return tck_main(&t, lists);
}
