/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings, and values from text. */
#include "core/base/settings.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/settings_priv.h"

static const struct setting rows[] = {
#define SETTING(member, key_, type_, dflt_, min_, max_, flags_, programs_, env, values_, help_) \
    { .key = key_, .dflt = dflt_, .env_alias = env, .values = values_, .help = help_, .type = type_, \
      .min = min_, .max = max_, .flags = flags_, .programs = programs_,                              \
      .offset = offsetof(struct settings, member) },
#include "core/tables/settings.def"
};
#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= SETTINGS_MAX, "raise SETTINGS_MAX");

const struct setting *setting__at(unsigned i)
{
    return i < ROWS ? &rows[i] : NULL;
}

const char *program__name(enum program program)
{
    switch (program) {
    case PROGRAM_API: return "phoenix-api";
    case PROGRAM_AGENT: return "phoenix-agent";
    case PROGRAM_COLLECTOR: return "phoenix-collector";
    default: return "phoenix";
    }
}

static bool same_name(struct str name, const char *key, bool loose)
{
    if (name.n != strlen(key))
        return false;
    for (size_t i = 0; i < name.n; i++) {
        bool both_join = strchr(".-_", name.p[i]) && strchr(".-_", key[i]);
        if (name.p[i] != key[i] && !(loose && name.p[i] && both_join))
            return false;
    }
    return true;
}

int setting__find(struct str name, bool loose)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (same_name(name, rows[i].key, loose))
            return (int)i;
    return -1;
}

int setting__find_file(struct str name, bool loose)
{
    struct str key = { name.p, name.n < 5 ? 0 : name.n - 5 };
    struct str end = { name.p + key.n, name.n - key.n };
    int row = same_name(end, "_file", loose) ? setting__find(key, loose) : -1;
    return row >= 0 && rows[row].flags & SF_SECRET ? row : -1;
}

const char *setting__suggest(struct str name, enum program program)
{
    const char *best = NULL;
    unsigned least = 0;
    for (unsigned i = 0; i < ROWS; i++) {
        if (!(rows[i].programs & program) || !str_close(name, str_of(rows[i].key)))
            continue;
        unsigned distance = str_distance(name, str_of(rows[i].key));
        if (!best || distance < least) {
            best = rows[i].key;
            least = distance;
        }
    }
    return best;
}

void setting__env_name(const struct setting *row, char out[64])
{
    str_copy(out, 64, STR("PHOENIX_"));
    for (size_t i = 0, at = 8; at < 63; i++, at++) {
        char c = row->key[i];
        out[at] = (char)(c == '.' || c == '-' ? '_' : c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        if (!c)
            return;
    }
    out[63] = '\0';
}

static bool in_list(struct str text, const char *values)
{
    struct str rest = str_of(values), value;
    while (str_split(&rest, ',', &value))
        if (str_eq(text, value))
            return true;
    return false;
}

/* A number of the kind that the row has: a count, ns, bytes. */
static bool parse_number(const struct setting *row, struct str text, int64_t *ret)
{
    uint64_t bytes;
    switch (row->type) {
    case ST_DURATION: return parse_duration(text, ret);
    case ST_SIZE:
        if (!parse_size(text, &bytes) || bytes > INT64_MAX)
            return false;
        *ret = (int64_t)bytes;
        return true;
    default: return parse_int(text, ret);
    }
}

static int bad_value(struct err *err, const struct setting *row, struct str text, const char *wanted)
{
    char shown[64];
    str_copy(shown, sizeof shown, text);
    if (row->flags & SF_SECRET)
        return err_set(err, ERR_CONFIG, "must be %s", wanted);
    return err_set(err, ERR_CONFIG, "must be %s, not \"%s\"", wanted, shown);
}

static int assign_number(struct settings *s, const struct setting *row, struct str text, struct err *err)
{
    static const char *const wanted[] = {
        [ST_INT] = "a whole number",
        [ST_DURATION] = "a duration such as \"90s\" or \"1h30m\"",
        [ST_SIZE] = "a size such as \"64KiB\" or \"1MiB\"",
    };
    char range[96], low[32], high[32];
    int64_t v;
    if (!parse_number(row, text, &v))
        return bad_value(err, row, text, wanted[row->type]);
    if ((row->min != 0 || row->max != 0) && (v < row->min || v > row->max)) {
        if (row->type == ST_DURATION)
            snprintf(range, sizeof range, "from %s to %s", format_duration(row->min, low),
                     format_duration(row->max, high));
        else
            snprintf(range, sizeof range, "from %lld to %lld", (long long)row->min, (long long)row->max);
        return bad_value(err, row, text, range);
    }
    *(int64_t *)((char *)s + row->offset) = v;
    return 0;
}

int setting__assign(struct settings *s, int i, struct str text, enum setting_source source, struct err *err)
{
    const struct setting *row = &rows[i];
    const char *kept = arena_strndup(s->state->arena, text);
    void *member = (char *)s + row->offset;
    char wanted[96];
    int rc = 0;
    switch (row->type) {
    case ST_BOOL:
        if (!parse_bool(text, member))
            rc = bad_value(err, row, text, "true or false");
        break;
    case ST_ENUM:
        snprintf(wanted, sizeof wanted, "one of %s", row->values);
        if (!in_list(text, row->values))
            rc = bad_value(err, row, text, wanted);
        else
            *(const char **)member = kept;
        break;
    case ST_STRING:
    case ST_LIST:
        if (!utf8_valid(text) || (text.n && memchr(text.p, '\n', text.n)))
            rc = bad_value(err, row, text, "one line of text in UTF-8");
        else
            *(const char **)member = kept;
        break;
    default: rc = assign_number(s, row, text, err); break;
    }
    if (rc == 0) {
        s->state->text[i] = kept;
        s->state->source[i] = source;
    }
    return rc;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    json_free(s->state->file);
    arena_free(s->state->arena); /* holds the state too */
    free(s);
}
