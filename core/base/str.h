/* SPDX-License-Identifier: Apache-2.0 */
/** @file str.h
 * Text with a length, and the strict parsers that all rooms share. Pure; any thread.
 */
#ifndef PHOENIX_BASE_STR_H
#define PHOENIX_BASE_STR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Borrowed bytes. Not NUL-terminated unless said. */
struct str {
    const char *p;
    size_t n;
};
#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
static inline struct str str_of(const char *s) { return (struct str){ s, s ? strlen(s) : 0 }; }
static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
static inline bool str_eqz(struct str a, const char *z) { return str_eq(a, str_of(z)); }
int str_cmp(struct str a, struct str b); /**< bytewise; a prefix sorts first */
bool str_starts(struct str s, const char *prefix);
struct str str_trim(struct str s); /**< without spaces and tabs at both ends */
/** Cut the part before @p sep off @p rest. False when @p rest is used up. */
bool str_split(struct str *rest, char sep, struct str *ret_part);
/** Copy with truncation and NUL; returns false when it did not fit. */
bool str_copy(char *dst, size_t cap, struct str s);

/** Well-formed UTF-8 without surrogates and overlong forms (RFC 3629). */
bool utf8_valid(struct str s);
/** Bytes of the well-formed sequence that @p s starts with; 0: it starts with none. */
size_t utf8_len(struct str s);
/** FNV-1a, 64 bits: for tables and samples. Who chooses the text can make two collide. */
uint64_t str_hash(struct str s);
/** Decimal digits with an optional leading '-', nothing else, no overflow. */
bool parse_int(struct str s, int64_t *ret);
bool parse_uint(struct str s, uint64_t *ret);
/** JSON's number grammar; finite only. */
bool parse_real(struct str s, double *ret);
/** "true" or "false". */
bool parse_bool(struct str s, bool *ret);
/** "90s", "1h30m", "250ms", "2d"; units d h m s ms us ns in this order; no sign, no overflow. */
bool parse_duration(struct str s, int64_t *ret_ns);
/** "512", "64k", "512MiB", "10MB" to bytes: k, M, G, T and KiB … count by 1024, kB, MB … by 1000. */
bool parse_size(struct str s, uint64_t *ret_bytes);
/** Shortest text that parse_duration() reads back; @p out holds at least 32 bytes. */
const char *format_duration(int64_t ns, char out[32]);

/** The grammar of names that people give (hosts, templates, variants, profiles):
 *  [a-z0-9][a-z0-9._-]{0,62}, upper case allowed for host names when @p host. */
bool name_valid(struct str s, bool host);
/** Shell pattern with '*' and '?' only; linear in the product of the lengths, no recursion. */
bool glob_match(struct str pattern, struct str s);

/** For "did you mean": how many letters to add, drop, change or swap with a neighbour (of the first
 *  63 bytes of each). */
unsigned str_distance(struct str a, struct str b);
/** Whether @p known may be what somebody meant who wrote @p given. */
bool str_close(struct str given, struct str known);
#endif
