/* SPDX-License-Identifier: Apache-2.0 */
/* What the main() of a unit test does: UNIT_MAIN("base/str", test_one, test_two) */
#ifndef PHOENIX_TESTS_UNIT_H
#define PHOENIX_TESTS_UNIT_H
#include <check.h>
#include <stdlib.h>

static inline int unit_run(const char *name, const TTest *const *tests, size_t n)
{
    Suite *s = suite_create(name);
    TCase *tc = tcase_create(name);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(tc, tests[i]);
    suite_add_tcase(s, tc);
    SRunner *r = srunner_create(s);
    srunner_set_tap(r, "-");
    srunner_run_all(r, CK_SILENT);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
#define UNIT_MAIN(name, ...)                                          \
    int main(void)                                                    \
    {                                                                 \
        const TTest *tests[] = { __VA_ARGS__ };                       \
        return unit_run(name, tests, sizeof tests / sizeof tests[0]); \
    }
#endif
