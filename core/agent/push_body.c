/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "core/agent/expo.h"
#include "core/agent/expo_line.h"
#include "core/agent/push_body.h"
#include "core/base/clock.h"
#include "core/base/measures.h"

enum { LABELS_MAX = 64, NAME_MAX_BYTES = 1024, VALUE_MAX_BYTES = 8192 };

/* -------------------------------------------------------------------------------------- path */

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (i == 0 || (c != '-' && c != '_' && c != '.')))
            return false; /* a dot in front: curl and proxies tidy /../ up */
    }
    return s.n > 0;
}

/** RFC 4648 section 5; padded, since nothing at all would be no path segment. */
static void add_base64(struct str s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t three = 0;
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (i + k < s.n ? (unsigned char)s.p[i + k] : 0U);
        for (size_t k = 0; k < 4; k++)
            buf_addc(out, k <= s.n - i ? digits[three >> (18 - 6 * k) & 63] : '=');
    }
    if (s.n == 0)
        buf_addc(out, '=');
}

static void add_segment(const char *label, const char *value, struct buf *out)
{
    struct str s = str_of(value);
    if (is_plain(s)) {
        buf_addf(out, "/%s/%s", label, value);
        return;
    }
    buf_addf(out, "/%s@base64/", label);
    add_base64(s, out);
}

void push_path(const char *experiment, const char *variant, const char *instance, struct buf *out)
{
    buf_adds(out, "/metrics/job/" PUSH_JOB);
    add_segment("experiment", experiment, out);
    add_segment("variant", variant, out);
    add_segment("instance", instance, out);
}

/* ------------------------------------------------------------------------------------ series */

struct sample_line {
    struct str name, value;
    struct expo_label labels[LABELS_MAX];
    bool is_of_group[LABELS_MAX]; /* goes out as exported_NAME */
    unsigned n_labels;
};

static bool is_reserved(struct str name)
{
    return str_starts(name, "phoenix_arm_") || str_starts(name, "phoenix_push_") ||
           str_eqz(name, "push_time_seconds") || str_eqz(name, "push_failure_time_seconds");
}

static bool is_of_group(struct str label)
{
    static const char *const names[] = { "job", "experiment", "variant", "instance" };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_eqz(label, names[i]))
            return true;
    return false;
}

static bool is_number(struct str s)
{
    double v;
    return parse_real(s, &v) || str_eqz(s, "NaN") || str_eqz(s, "+Inf") || str_eqz(s, "-Inf");
}

/** Only the three escapes of the format; another one is an error to its readers. */
static bool is_label_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\')
            continue;
        if (++i == s.n || (s.p[i] != '\\' && s.p[i] != '"' && s.p[i] != 'n'))
            return false;
    }
    return s.n <= VALUE_MAX_BYTES && utf8_valid(s);
}

static bool is_label_name(struct str s)
{
    return s.n <= NAME_MAX_BYTES && !str_starts(s, "__") && !memchr(s.p, ':', s.n);
}

static struct str bare_name(const struct sample_line *l, unsigned i, bool *ret_exported)
{
    struct str name = l->labels[i].name;
    *ret_exported = l->is_of_group[i];
    if (str_starts(name, "exported_") && is_of_group((struct str){ name.p + 9, name.n - 9 })) {
        *ret_exported = true;
        return (struct str){ name.p + 9, name.n - 9 };
    }
    return name;
}

/** Of the names that go out: job and exported_job together are one twice. */
static bool has_name_twice(const struct sample_line *l)
{
    bool exported, other;
    for (unsigned i = 0; i < l->n_labels; i++) {
        struct str name = bare_name(l, i, &exported);
        for (unsigned k = i + 1; k < l->n_labels; k++)
            if (str_eq(name, bare_name(l, k, &other)) && exported == other)
                return true;
    }
    return false;
}

static bool sample_parse(struct str row, struct sample_line *l)
{
    struct expo_line at;
    enum expo_found found;
    struct expo_label label;
    l->n_labels = 0;
    if (!expo_line_open(row, &at, &l->name) || l->name.n > NAME_MAX_BYTES || is_reserved(l->name))
        return false;
    while ((found = expo_line_label(&at, &label)) == EXPO_LABEL) {
        if (l->n_labels == LABELS_MAX || !is_label_name(label.name) || !is_label_value(label.value))
            return false;
        l->is_of_group[l->n_labels] = is_of_group(label.name);
        l->labels[l->n_labels++] = label;
    }
    return found == EXPO_NO_MORE && !has_name_twice(l) && expo_line_value(&at, &l->value) &&
           is_number(l->value);
}

static void sample_write(const struct sample_line *l, struct buf *out)
{
    buf_add_str(out, l->name);
    for (unsigned i = 0; i < l->n_labels; i++) {
        buf_addc(out, i == 0 ? '{' : ',');
        if (l->is_of_group[i])
            buf_adds(out, "exported_");
        buf_add_str(out, l->labels[i].name);
        buf_adds(out, "=\"");
        buf_add_str(out, l->labels[i].value);
        buf_addc(out, '"');
    }
    if (l->n_labels > 0)
        buf_addc(out, '}');
    buf_addc(out, ' ');
    buf_add_str(out, l->value);
    buf_addc(out, '\n');
}

size_t push_series(struct str exposition, struct buf *out)
{
    size_t left_out = 0;
    struct sample_line line;
    struct str row;
    while (str_split(&exposition, '\n', &row)) {
        row = str_trim(row);
        if (row.n == 0 || row.p[0] == '#')
            continue;
        if (!sample_parse(row, &line))
            left_out++;
        else if (!expo_is_own(line.name, line.n_labels > 0))
            sample_write(&line, out);
    }
    return left_out;
}

/* ------------------------------------------------------------------------------------- facts */

static void add_fact(struct buf *out, const char *name, bool is_counter, double value)
{
    if (isnan(value))
        return;
    buf_addf(out, "# TYPE %s %s\n%s ", name, is_counter ? "counter" : "gauge", name);
    buf_add_real(out, value);
    buf_addc(out, '\n');
}

void push_facts(const struct push_facts *facts, struct buf *out)
{
    char name[96] = "phoenix_arm_";
    for (unsigned i = 0; i < MEASURE_COUNT; i++) {
        str_copy(name + 12, sizeof name - 12, str_of(measure_name(i)));
        add_fact(out, name, measure_is_counter(i), facts->values[i]);
    }
    /* a double carries the ms of today, but not the ns */
    add_fact(out, "phoenix_arm_tick_seconds", false, (double)(facts->tick_ns / NS_PER_MS) / 1e3);
    add_fact(out, "phoenix_push_left_out", false, (double)facts->left_out);
    add_fact(out, "phoenix_push_failed_total", true, (double)facts->failed_total);
}
