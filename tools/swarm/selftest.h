/* SPDX-License-Identifier: Apache-2.0 */
/** @file selftest.h
 * The test of the tester: known servers (stub.c), and whether the figures say what they did. Prints TAP.
 */
#ifndef PHOENIX_SWARM_SELFTEST_H
#define PHOENIX_SWARM_SELFTEST_H
#include <stdint.h>

/** 0: all is well. */
int self_test(void);

/** What a stub does; of every `every`-th task (0: of none) something else. */
struct stub_plan {
    unsigned every;
    enum { STUB_DELIVERS, STUB_REPEATS, STUB_LOSES, STUB_DOUBLES } with_these;
    unsigned stall_at;  /**< at this task stand still, once; 0: never */
    int64_t stall_ns;
    unsigned refuse_first; /**< so many heartbeats are answered 503 */
};
/** Serve @p listener until the process is killed. Up to 1,000 hosts whose names end in a number. */
_Noreturn void stub_serve(int listener, const struct stub_plan *plan);
#endif
