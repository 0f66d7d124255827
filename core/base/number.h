/* SPDX-License-Identifier: Apache-2.0 */
/** @file number.h
 * Numbers from and to text, the same in every locale. For base; other rooms use str.h and buf.h.
 */
#ifndef PHOENIX_BASE_NUMBER_H
#define PHOENIX_BASE_NUMBER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_kind { NUMBER_BAD, NUMBER_INT, NUMBER_REAL, NUMBER_RANGE };
/** No number that we read has more characters than this. */
#define NUMBER_TEXT_MAX 1024
/**
 * Read the longest number of JSON's grammar at @p p. INT: no fraction, no exponent, within int64;
 * both *ret_i and *ret_r are set. REAL: *ret_r is the nearest double. RANGE: grammar is right, but
 * the value is no int64, no finite double, or has more than NUMBER_TEXT_MAX characters.
 * *ret_end is one past the number; the caller checks what follows.
 */
enum number_kind number_scan(const char *p, const char *end, const char **ret_end, int64_t *ret_i,
                             double *ret_r);
#define NUMBER_OUT_MAX 32
/** Shortest text that number_scan() reads as the same double; @p v is finite. Returns its length. */
size_t number_print(double v, char out[NUMBER_OUT_MAX]);
size_t number_print_int(int64_t v, char out[NUMBER_OUT_MAX]);
#endif
