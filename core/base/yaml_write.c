/* SPDX-License-Identifier: Apache-2.0 */
/* A tree as YAML, by libyaml's emitter, which finds the style of each scalar. What it cannot know is
 * which texts a reader takes for something else; those are quoted here. */
#include <yaml.h>

#include "core/base/mem.h"
#include "core/base/yaml.h"
#include "core/base/yaml_priv.h"

static int on_output(void *arg, unsigned char *bytes, size_t n)
{
    buf_add(arg, bytes, n);
    return 1;
}

/* The emitter takes the event, also when it fails, which it does only for want of memory. */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event, int made)
{
    if (!made || !yaml_emitter_emit(emitter, event))
        mem_die(sizeof *event);
}

/* Readers of YAML 1.1 know more words and forms of numbers than 1.2 has. */
static bool needs_quotes(struct str s)
{
    static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "<<", "=" };
    struct json *value = NULL;
    char low[4];
    if (s.n == 0 || yaml__resolve(s, &value) != YAML_TEXT) {
        json_free(value);
        return true;
    }
    for (size_t i = 0; i < sizeof low && i < s.n; i++)
        low[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        if (s.n < sizeof low && str_eqz((struct str){ low, s.n }, words[i]))
            return true;
    bool number_like = strchr("0123456789+-.", s.p[0]) != NULL;
    for (size_t i = 0; number_like && i < s.n; i++)
        number_like = s.p[i] != '\0' && strchr("0123456789+-.,_:eExXoObB", s.p[i]) != NULL;
    return number_like;
}

static void emit_scalar(yaml_emitter_t *emitter, struct str s, bool text)
{
    yaml_event_t e;
    struct buf clean CLEANUP_BUF;
    buf_init(&clean, s.n * 3);
    buf_add_utf8(&clean, s); /* libyaml takes nothing else */
    s = buf_str(&clean);
    bool lines = s.n && memchr(s.p, '\n', s.n);
    yaml_scalar_style_t style = text && (lines || needs_quotes(s)) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                                                   : YAML_ANY_SCALAR_STYLE;
    emit(emitter, &e, yaml_scalar_event_initialize(&e, NULL, NULL, (const yaml_char_t *)s.p,
                                                   (int)s.n, 1, 1, style));
}

static void emit_node(yaml_emitter_t *emitter, const struct json *j)
{
    const struct json *value;
    const char *key;
    yaml_event_t e;
    switch (json_kind(j)) {
    case JSON_OBJECT:
        emit(emitter, &e, yaml_mapping_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
        for (size_t i = 0; json_member(j, &i, &key, &value);) {
            emit_scalar(emitter, str_of(key), true);
            emit_node(emitter, value);
        }
        emit(emitter, &e, yaml_mapping_end_event_initialize(&e));
        break;
    case JSON_ARRAY:
        emit(emitter, &e, yaml_sequence_start_event_initialize(&e, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
        for (size_t i = 0; i < json_len(j); i++)
            emit_node(emitter, json_at(j, i));
        emit(emitter, &e, yaml_sequence_end_event_initialize(&e));
        break;
    case JSON_STRING: emit_scalar(emitter, json_text(j), true); break;
    default: {
        struct buf text CLEANUP_BUF;
        buf_init(&text, 64);
        json_write(j, &text);
        emit_scalar(emitter, buf_str(&text), false);
    }
    }
}

void yaml_write(const struct json *j, struct buf *out)
{
    yaml_emitter_t emitter;
    yaml_event_t e;
    if (!yaml_emitter_initialize(&emitter))
        mem_die(sizeof emitter);
    yaml_emitter_set_output(&emitter, on_output, out);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, -1);
    emit(&emitter, &e, yaml_stream_start_event_initialize(&e, YAML_UTF8_ENCODING));
    emit(&emitter, &e, yaml_document_start_event_initialize(&e, NULL, NULL, NULL, 1));
    emit_node(&emitter, j);
    emit(&emitter, &e, yaml_document_end_event_initialize(&e, 1));
    emit(&emitter, &e, yaml_stream_end_event_initialize(&e));
    yaml_emitter_delete(&emitter);
}
