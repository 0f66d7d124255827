/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/backoff.h"
#include "core/base/clock.h"

int64_t backoff_ns(int64_t failures, uint64_t random)
{
    int64_t ns = failures < 6 ? NS_PER_S << failures : 60 * NS_PER_S;
    return ns - (int64_t)(random % (uint64_t)(ns / 4 + 1));
}
