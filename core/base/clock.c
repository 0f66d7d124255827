/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks and RFC 3339. Dates are counted in days since 0000-03-01 with years that begin in March,
 * so that the leap day is the last one of its year; nothing depends on the time zone. */
#include "core/base/clock.h"

#include <time.h>

#define DAYS_TO_1970 719468 /* from 0000-03-01 */
#define SECONDS_PER_DAY 86400

static int64_t now(clockid_t id)
{
    struct timespec ts;
    if (clock_gettime(id, &ts) != 0)
        return 0;
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

int64_t clock_wall(void)
{
    return now(CLOCK_REALTIME) / NS_PER_US * NS_PER_US;
}

int64_t clock_mono(void)
{
    return now(CLOCK_BOOTTIME);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static int64_t days_from_date(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - DAYS_TO_1970;
}

static void date_from_days(int64_t days, int *year, int *month, int *day)
{
    days += DAYS_TO_1970;
    int64_t era = floor_div(days, 146097);
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static char *put_digits(char *p, int v, int width, char after)
{
    for (int i = width - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    p[width] = after;
    return p + width + 1;
}

const char *rfc3339_format(int64_t wall_ns, char out[32])
{
    int64_t ms = floor_div(wall_ns, NS_PER_MS);
    int64_t seconds = floor_div(ms, 1000), days = floor_div(seconds, SECONDS_PER_DAY);
    int of_day = (int)(seconds - days * SECONDS_PER_DAY), year, month, day;
    date_from_days(days, &year, &month, &day);
    char *p = put_digits(out, year, 4, '-');
    p = put_digits(p, month, 2, '-');
    p = put_digits(p, day, 2, 'T');
    p = put_digits(p, of_day / 3600, 2, ':');
    p = put_digits(p, of_day / 60 % 60, 2, ':');
    p = put_digits(p, of_day % 60, 2, '.');
    p = put_digits(p, (int)(ms - seconds * 1000), 3, 'Z');
    *p = '\0';
    return out;
}

static bool take_digits(struct str *s, unsigned n, int *ret)
{
    int v = 0;
    if (s->n < n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += n;
    s->n -= n;
    *ret = v;
    return true;
}

static bool take_char(struct str *s, char a, char b)
{
    if (s->n == 0 || (s->p[0] != a && s->p[0] != b))
        return false;
    s->p++;
    s->n--;
    return true;
}

static bool take_date(struct str *s, int64_t *ret_days)
{
    static const int month_days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;
    if (!take_digits(s, 4, &year) || !take_char(s, '-', '-') || !take_digits(s, 2, &month) ||
        !take_char(s, '-', '-') || !take_digits(s, 2, &day))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    *ret_days = days_from_date(year, month, day);
    return true;
}

static bool take_time(struct str *s, int64_t *ret_seconds, int64_t *ret_ns)
{
    int hour, minute, second;
    if (!take_digits(s, 2, &hour) || !take_char(s, ':', ':') || !take_digits(s, 2, &minute) ||
        !take_char(s, ':', ':') || !take_digits(s, 2, &second))
        return false;
    if (hour > 23 || minute > 59 || second > 60) /* 60: a leap second, the same as :00 of the next minute */
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    *ret_ns = 0;
    if (!take_char(s, '.', '.'))
        return true;
    int64_t unit = NS_PER_S / 10;
    int digit;
    if (!take_digits(s, 1, &digit))
        return false;
    do {
        if (unit == 0)
            return false;
        *ret_ns += digit * unit;
        unit /= 10;
    } while (take_digits(s, 1, &digit));
    return true;
}

static bool take_offset(struct str *s, int64_t *ret_seconds)
{
    int hour, minute;
    *ret_seconds = 0;
    if (take_char(s, 'Z', 'z'))
        return true;
    bool west = s->n && s->p[0] == '-';
    if (!take_char(s, '+', '-') || !take_digits(s, 2, &hour) || !take_char(s, ':', ':') ||
        !take_digits(s, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *ret_seconds = (hour * 3600 + minute * 60) * (west ? -1 : 1);
    return true;
}

bool rfc3339_parse(struct str s, int64_t *ret_wall_ns)
{
    int64_t days, seconds, ns, offset, wall;
    if (!take_date(&s, &days) || !take_char(&s, 'T', 't') || !take_time(&s, &seconds, &ns) ||
        !take_offset(&s, &offset) || s.n)
        return false;
    seconds += days * SECONDS_PER_DAY - offset;
    if (__builtin_mul_overflow(seconds, NS_PER_S, &wall) || __builtin_add_overflow(wall, ns, &wall))
        return false; /* before 1677 or after 2262 */
    *ret_wall_ns = wall;
    return true;
}
