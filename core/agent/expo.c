/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include "core/agent/expo.h"
#include "core/agent/expo_line.h"

struct line {
    struct str name, process; /* process: value of process_executable_name, escaped; n 0: none */
    struct str value;
    bool has_labels;
};

static bool line_parse(struct str text, struct line *ret)
{
    struct expo_line l;
    struct expo_label label;
    enum expo_found found;
    *ret = (struct line){ 0 };
    if (!expo_line_open(text, &l, &ret->name))
        return false;
    while ((found = expo_line_label(&l, &label)) == EXPO_LABEL) {
        ret->has_labels = true;
        if (str_eqz(label.name, "process_executable_name"))
            ret->process = label.value;
    }
    return found == EXPO_NO_MORE && expo_line_value(&l, &ret->value);
}

bool expo_is_own(struct str name, bool has_labels)
{
    return str_starts(name, "phoenix_collector_") || (str_starts(name, "process_") && !has_labels);
}

/** The collector's own counters, which are no series of the pipeline. */
static bool take_own(const struct line *line, struct expo *e)
{
    if (!expo_is_own(line->name, line->has_labels))
        return false;
    if (!str_starts(line->name, "phoenix_collector_"))
        return true;
    static const char *const own[] = { "points_total", "points_in_total", "dropped_total", "bytes_total" };
    double *const to[] = { &e->points, &e->points_in, &e->dropped, &e->bytes };
    struct str rest = { line->name.p + 18, line->name.n - 18 };
    for (unsigned i = 0; i < 4; i++)
        if (str_eqz(rest, own[i]) && !line->has_labels && !parse_real(line->value, to[i]))
            e->malformed = true;
    return true;
}

void expo_scan(struct str text, struct names *critical, struct expo *ret)
{
    *ret = (struct expo){ .points = NAN, .points_in = NAN, .dropped = NAN, .bytes = NAN };
    struct str row;
    struct line line;
    while (str_split(&text, '\n', &row)) {
        row = str_trim(row);
        if (row.n == 0 || row.p[0] == '#')
            continue;
        if (!line_parse(row, &line)) {
            ret->malformed = true;
            continue;
        }
        if (take_own(&line, ret))
            continue;
        ret->series++;
        if (critical && line.process.n > 0)
            names_see(critical, line.process);
    }
}
