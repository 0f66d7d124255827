/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass, unless `samples` stands before `measures`: then the samples are skipped and scanned last. Each
 * member may come once, none may be missing, others are refused: the same as type_metrics_batch says.
 */
#include "core/api/samples_scan.h"
#include <stdio.h>
#include "core/base/ids.h"

static const char *const measure_names[] = {
#define MEASURE(id, name, unit, help) name,
#include "core/tables/measures.def"
};

enum { MEASURE_NAME_MAX = 64 };

struct scan {
    struct js js;
    struct samples_batch *batch;
    struct sample sample;
    sample_fn *each;
    void *arg;
    struct faults *faults;
    struct err *err;
};

static int fail_syntax(struct scan *s)
{
    unsigned line, column;
    js_where(&s->js, &line, &column);
    return err_set(s->err, ERR_INVAL, "%u:%u: %s", line, column, s->js.why ? s->js.why : "not JSON");
}

/* The token was not what it should be: bad JSON or a bad document. */
static int fail(struct scan *s, enum js_token t, const char *pointer, const char *wanted)
{
    if (t == JS_ERROR || t == JS_END) {
        return fail_syntax(s);
    }
    fault_add(s->faults, pointer, "%s", wanted);
    return ERR_INVALID;
}

/* A fault of the sample that is scanned now. */
static int fail_sample(struct scan *s, enum js_token t, const char *member, const char *wanted)
{
    char pointer[128];
    snprintf(pointer, sizeof pointer, "/samples/%zu%s", s->batch->n_samples, member);
    return fail(s, t, pointer, wanted);
}

static int expect(struct scan *s, enum js_token wanted, const char *pointer, const char *text)
{
    enum js_token t = js_next(&s->js);
    return t == wanted && !(t == JS_STRING && s->js.escaped) ? 0 : fail(s, t, pointer, text);
}

static int measure_of(struct str name)
{
    for (size_t i = 0; i < sizeof measure_names / sizeof measure_names[0]; i++) {
        if (str_eqz(name, measure_names[i])) {
            return (int)i;
        }
    }
    return -1;
}

static int scan_measures(struct scan *s)
{
    struct samples_batch *b = s->batch;
    int rc = expect(s, JS_ARRAY, "/measures", "must be an array of names");
    enum js_token t;
    if (rc) {
        return rc;
    }
    while ((t = js_next(&s->js)) == JS_STRING) {
        if (b->n_measures == BATCH_MEASURES_MAX) {
            return fail(s, t, "/measures", "has too many names");
        }
        if (s->js.text.n == 0 || s->js.text.n > MEASURE_NAME_MAX) {
            return fail(s, t, "/measures", "has a name that is empty or too long");
        }
        int m = s->js.escaped ? -1 : measure_of(s->js.text);
        for (unsigned i = 0; m >= 0 && i < b->n_measures; i++) {
            if (b->measure[i] == m) {
                return fail(s, t, "/measures", "names a measure twice");
            }
        }
        b->n_unknown += m < 0;
        b->measure[b->n_measures++] = m;
    }
    return t == JS_ARRAY_END ? 0 : fail(s, t, "/measures", "must be an array of names");
}

/* ---- one sample */

static int scan_values(struct scan *s)
{
    unsigned n = 0;
    enum js_token t = js_next(&s->js);
    if (t != JS_ARRAY) {
        return fail_sample(s, t, "/values", "must be an array of numbers");
    }
    while ((t = js_next(&s->js)) == JS_INT || t == JS_REAL || t == JS_NULL) {
        if (n == s->batch->n_measures) {
            return fail_sample(s, t, "/values", "has more values than there are measures");
        }
        s->sample.has[n] = t != JS_NULL;
        s->sample.value[n++] = t == JS_NULL ? 0 : s->js.r;
    }
    if (t != JS_ARRAY_END) {
        return fail_sample(s, t, "/values", "must be an array of numbers and nulls");
    }
    return n == s->batch->n_measures
               ? 0
               : fail_sample(s, t, "/values", "has fewer values than there are measures");
}

enum { S_EXPERIMENT = 1, S_VARIANT = 2, S_TS = 4, S_VALUES = 8, S_ALL = 15 };

static int scan_text(struct scan *s, const char *member, struct str *ret)
{
    enum js_token t = js_next(&s->js);
    if (t != JS_STRING || s->js.escaped) {
        return fail_sample(s, t, member, "must be a plain string");
    }
    *ret = s->js.text;
    return 0;
}

static int scan_sample_member(struct scan *s, unsigned which)
{
    enum js_token t;
    int rc;
    switch (which) {
    case S_EXPERIMENT:
        rc = scan_text(s, "/experiment_id", &s->sample.experiment_id);
        return rc || uuid_valid(s->sample.experiment_id) ? rc
               : fail_sample(s, JS_STRING, "/experiment_id", "must be a UUID");
    case S_VARIANT:
        rc = scan_text(s, "/variant", &s->sample.variant);
        return rc || name_valid(s->sample.variant, false) ? rc
               : fail_sample(s, JS_STRING, "/variant", "must be a name");
    case S_TS:
        t = js_next(&s->js);
        s->sample.ts = s->js.i;
        return t == JS_INT && s->js.i > 0 ? 0 : fail_sample(s, t, "/ts", "must be nanoseconds since 1970");
    default:
        return scan_values(s);
    }
}

static unsigned sample_member(struct str key)
{
    return str_eqz(key, "ts") ? S_TS : str_eqz(key, "values") ? S_VALUES : str_eqz(key, "variant") ? S_VARIANT
           : str_eqz(key, "experiment_id") ? S_EXPERIMENT : 0;
}

static int scan_sample(struct scan *s)
{
    unsigned seen = 0;
    enum js_token t;
    while ((t = js_next(&s->js)) == JS_KEY) {
        unsigned which = s->js.escaped ? 0 : sample_member(s->js.text);
        if (!which || seen & which) {
            return fail_sample(s, t, "", which ? "has a member twice" : "has a member that is not known");
        }
        seen |= which;
        int rc = scan_sample_member(s, which);
        if (rc) {
            return rc;
        }
    }
    if (t != JS_OBJECT_END || seen != S_ALL) {
        return fail_sample(s, t, "", "must have experiment_id, variant, ts and values");
    }
    s->each(s->arg, s->batch, &s->sample);
    bool first = s->batch->n_samples++ == 0;
    if (first || s->sample.ts < s->batch->oldest_ts) {
        s->batch->oldest_ts = s->sample.ts;
    }
    if (first || s->sample.ts > s->batch->newest_ts) {
        s->batch->newest_ts = s->sample.ts;
    }
    return 0;
}

static int scan_samples(struct scan *s)
{
    int rc = expect(s, JS_ARRAY, "/samples", "must be an array of samples");
    enum js_token t = JS_ARRAY_END;
    while (rc == 0 && (t = js_next(&s->js)) == JS_OBJECT) {
        rc = s->batch->n_samples == BATCH_SAMPLES_MAX ? fail(s, t, "/samples", "has too many samples")
                                                      : scan_sample(s);
    }
    if (rc) {
        return rc;
    }
    return t == JS_ARRAY_END ? 0 : fail(s, t, "/samples", "must be an array of samples");
}

/* ---- the batch */

enum { B_STREAM = 1, B_SEQ = 2, B_MEASURES = 4, B_SAMPLES = 8, B_ALL = 15 };

static unsigned batch_member(struct str key)
{
    return str_eqz(key, "stream")     ? B_STREAM
           : str_eqz(key, "seq")      ? B_SEQ
           : str_eqz(key, "measures") ? B_MEASURES
           : str_eqz(key, "samples")  ? B_SAMPLES
                                      : 0;
}

static int scan_head(struct scan *s, unsigned which)
{
    int rc;
    if (which == B_STREAM) {
        rc = expect(s, JS_STRING, "/stream", "must be a UUID");
        s->batch->stream = s->js.text;
        return rc || uuid_valid(s->js.text) ? rc : fail(s, JS_STRING, "/stream", "must be a UUID");
    }
    if (which == B_SEQ) {
        rc = expect(s, JS_INT, "/seq", "must be a number from 1");
        s->batch->seq = s->js.i;
        return rc || s->js.i > 0 ? rc : fail(s, JS_INT, "/seq", "must be a number from 1");
    }
    return scan_measures(s);
}

static int scan_batch(struct scan *s)
{
    unsigned seen = 0;
    struct js later = { 0 }; /* before the samples, when they stand before the measures */
    int rc = expect(s, JS_OBJECT, "", "must be an object");
    enum js_token t = JS_OBJECT_END;
    while (rc == 0 && (t = js_next(&s->js)) == JS_KEY) {
        unsigned which = s->js.escaped ? 0 : batch_member(s->js.text);
        if (!which || seen & which) {
            return fail(s, t, "", which ? "has a member twice" : "has a member that is not known");
        }
        seen |= which;
        if (which != B_SAMPLES) {
            rc = scan_head(s, which);
        } else if (seen & B_MEASURES) {
            rc = scan_samples(s);
        } else {
            later = s->js;
            rc = js_skip(&s->js) ? 0 : fail_syntax(s);
        }
    }
    if (rc) {
        return rc;
    }
    if (t != JS_OBJECT_END || js_next(&s->js) != JS_END) {
        return fail_syntax(s);
    }
    if (seen != B_ALL) {
        fault_add(s->faults, "", "must have stream, seq, measures and samples");
        return ERR_INVALID;
    }
    if (later.p) {
        s->js = later;
        return scan_samples(s);
    }
    return 0;
}

int samples_scan(struct str text, sample_fn *each, void *arg, struct samples_batch *ret,
                 struct faults *faults, struct err *err)
{
    struct scan s = { .batch = ret, .each = each, .arg = arg, .faults = faults, .err = err };
    *ret = (struct samples_batch){ 0 };
    js_init(&s.js, text, 4);
    return scan_batch(&s);
}
