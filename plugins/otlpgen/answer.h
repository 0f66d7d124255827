/* SPDX-License-Identifier: Apache-2.0 */
/** @file answer.h
 * What an answer to an export means, by the rules of OTLP/HTTP. The bytes come from whoever listens. Pure.
 */
#ifndef PHOENIX_OTLPGEN_ANSWER_H
#define PHOENIX_OTLPGEN_ANSWER_H
#include <stddef.h>
#include <stdint.h>

enum verdict {
    ANSWER_TAKEN,  /**< all but `rejected` of the points */
    ANSWER_LATER,  /**< the same again, later */
    ANSWER_REFUSED /**< none of them, and never */
};
struct answer {
    enum verdict verdict;
    uint64_t rejected; /**< ANSWER_TAKEN: at most the points that were sent */
    char why[160];     /**< what the other side says about it; "" if nothing */
};
/** @p body: n bytes as they came, an ExportMetricsServiceResponse if @p status is 200. */
struct answer answer_read(long status, const uint8_t *body, size_t n, uint64_t points);
#endif
