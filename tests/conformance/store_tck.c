/* SPDX-License-Identifier: Apache-2.0 */
/* store_tck [--plugins DIR --driver NAME --config JSON [--persistent] [--single]]
 *
 * Checks a storage driver against the contract in phoenix/plugin.h. Without arguments: the in-memory
 * reference driver of this folder. In the config, @DIR@ is a folder of the test's own. Environment:
 * TCK_SEED, TCK_ONLY=part of a test's name, TCK_MORE=1 for longer runs. */
#include "tests/conformance/tck.h"

static int usage(void)
{
    fputs("usage: store_tck [--plugins DIR --driver NAME --config JSON [--persistent] [--single]]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static const struct tck_test *const lists[] = { tests_values, tests_writes, tests_scan,  tests_claim,
                                                    tests_async,  tests_life,   tests_model, NULL };
    struct tck t = { .driver = "memory", .config = "{}" };
    for (int i = 1; i < argc; i++) {
        const char **value = strcmp(argv[i], "--plugins") == 0  ? &t.plugin_dir
                             : strcmp(argv[i], "--driver") == 0 ? &t.driver
                             : strcmp(argv[i], "--config") == 0 ? &t.config
                                                                : NULL;
        if (value && i + 1 < argc)
            *value = argv[++i];
        else if (strcmp(argv[i], "--persistent") == 0)
            t.persistent = true;
        else if (strcmp(argv[i], "--single") == 0)
            t.single = true;
        else
            return usage();
    }
    return tck_main(&t, lists);
}
