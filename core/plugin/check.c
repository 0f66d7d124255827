/* SPDX-License-Identifier: Apache-2.0 */
/* Is this a plugin that we can use? Every word of its structs is looked at before anything else in
 * the program sees it, and what passes is copied into structs of our own, zero-filled up to today's
 * size, so that "absent" and "zero" are one case from here on.
 *
 * Pointers can only be followed, not checked: load.c runs this in a child process first. */
#include "config.h"
#include <stdio.h>
#include <string.h>
#include "core/base/limits.h"
#include "core/plugin/plugin_priv.h"

#define REMEDY_REBUILD "rebuild the plugin with phoenix/plugin.h of this release"
#define REMEDY_AUTHOR "report it to the plugin's author"
/* A struct larger than this is a wild size member, not a newer release. */
#define SIZE_MAX_SANE 4096

/* Floors: the last member of each struct in 1.0. They never change. */
#define KPI_INPUT_FLOOR PHX_END(phx_kpi_input, unit)
#define COMPONENT_FLOOR PHX_END(phx_component, needs)
#define PLUGIN_FLOOR PHX_END(phx_plugin, components)

static int check_size(const char *what, uint32_t size, size_t floor, struct refusal *why)
{
    if (size >= floor && size <= SIZE_MAX_SANE) {
        return 0;
    }
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a size from %zu to %d bytes", floor, SIZE_MAX_SANE);
    return refuse(why, wanted, REMEDY_REBUILD, "%s says %u bytes", what, size);
}

static int check_flags(const char *what, uint32_t flags, uint32_t known, struct refusal *why)
{
    if (!(flags & ~known)) {
        return 0;
    }
    return refuse(why, "flags that this host knows", "use a newer Phoenix", "%s has flags %#x", what, flags);
}

/* One line of printable UTF-8. */
static int check_text(const char *what, const char *s, bool is_required, struct refusal *why)
{
    if (!s || !*s) {
        return !is_required ? 0 : refuse(why, "a text", REMEDY_AUTHOR, "%s is missing", what);
    }
    size_t n = strnlen(s, LIMIT_PLUGIN_TEXT + 1);
    if (n > LIMIT_PLUGIN_TEXT) {
        return refuse(why, "a short line", REMEDY_AUTHOR, "%s is longer than %d bytes", what,
                      LIMIT_PLUGIN_TEXT);
    }
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) {
            return refuse(why, "printable UTF-8", REMEDY_AUTHOR, "%s has a control character", what);
        }
    }
    if (!utf8_valid((struct str){ s, n })) {
        return refuse(why, "printable UTF-8", REMEDY_AUTHOR, "%s is not UTF-8", what);
    }
    return 0;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z][a-z0-9_-]{0,63} */
static int check_name(const char *s, struct refusal *why)
{
    if (check_text("a component's name", s, true, why) != 0) {
        return -1;
    }
    bool ok = s[0] >= 'a' && s[0] <= 'z' && strlen(s) <= 64;
    for (const char *p = s; ok && *p; p++) {
        ok = is_lower_or_digit(*p) || *p == '_' || *p == '-';
    }
    return ok ? 0 : refuse(why, "a name [a-z][a-z0-9_-]{0,63}", REMEDY_AUTHOR, "component \"%s\"", s);
}

/* Reverse domain: at least two parts of [a-z0-9-], the first begins with a letter. */
static int check_id(const char *s, struct refusal *why)
{
    if (check_text("its id", s, true, why) != 0) {
        return -1;
    }
    bool ok = s[0] >= 'a' && s[0] <= 'z' && strchr(s, '.');
    for (const char *p = s; ok && *p; p++) {
        ok = is_lower_or_digit(*p) || *p == '-' || (*p == '.' && is_lower_or_digit(p[1]));
    }
    return ok ? 0 : refuse(why, "an id like org.example.phoenix-cost", REMEDY_AUTHOR, "\"%s\"", s);
}

static int missing_call(const char *name, const char *call, struct refusal *why)
{
    return refuse(why, "every call of its kind", REMEDY_AUTHOR, "component \"%s\" has no %s", name, call);
}

static int check_kpi(const char *name, const void *ops, struct refusal *why)
{
    const phx_kpi_ops *o = ops;
    if (!o->cells) {
        return missing_call(name, "cells", why);
    }
    if (o->estimand < PHX_LOG_RATIO || o->estimand > PHX_EVENT || o->better < PHX_LOWER_IS_BETTER ||
        o->better > PHX_HIGHER_IS_BETTER) {
        return refuse(why, "an estimand and a direction of 1.0", "use a newer Phoenix",
                      "component \"%s\" has estimand %u, better %u", name, o->estimand, o->better);
    }
    if (check_flags(name, o->flags, 0, why) != 0 || check_text("a KPI's unit", o->unit, true, why) != 0) {
        return -1;
    }
    size_t n = 0;
    for (; o->inputs && o->inputs[n] && n < LIMIT_PLUGIN_COMPONENTS; n++) {
        const phx_kpi_input *in = o->inputs[n];
        if (check_size("an input", in->size, KPI_INPUT_FLOOR, why) != 0 ||
            check_text("an input's name", in->name, true, why) != 0 ||
            check_text("an input's unit", in->unit, true, why) != 0) {
            return -1;
        }
        if (in->reduce < PHX_MEAN || in->reduce > PHX_MAX) {
            return refuse(why, "a reduction of 1.0", "use a newer Phoenix", "input \"%s\" has %u", in->name,
                          in->reduce);
        }
    }
    if (n == 0 || n == LIMIT_PLUGIN_COMPONENTS) {
        return refuse(why, "1 to 63 inputs", REMEDY_AUTHOR, "component \"%s\" has %s", name,
                      n ? "more" : "none");
    }
    return 0;
}

static int check_load(const char *name, const void *ops, struct refusal *why)
{
    const phx_load_ops *o = ops;
    const char *no = !o->start ? "start" : !o->step ? "step" : !o->stop ? "stop" : NULL;
    return no ? missing_call(name, no, why) : check_flags(name, o->flags, PHX_LOAD_SPAWNS, why);
}

static int check_collector(const char *name, const void *ops, struct refusal *why)
{
    const phx_collector_ops *o = ops;
    const char *no = !o->render   ? "render"
                     : !o->check  ? "check"
                     : !o->launch ? "launch"
                     : !o->reload ? "reload"
                     : !o->health ? "health"
                                  : NULL;
    return no ? missing_call(name, no, why) : check_flags(name, o->flags, 0, why);
}

static int check_storage(const char *name, const void *ops, struct refusal *why)
{
    const phx_storage_ops *o = ops;
    const char *no = !o->open     ? "open"
                     : !o->submit ? "submit"
                     : !o->cancel ? "cancel"
                     : !o->close  ? "close"
                                  : NULL;
    return no ? missing_call(name, no, why) : 0;
}

static const struct plugin_kind kinds[] = {
    { PHX_KPI, true, PHX_END(phx_kpi_ops, cells), sizeof(phx_kpi_ops), check_kpi },
    { PHX_LOAD, false, PHX_END(phx_load_ops, stop), sizeof(phx_load_ops), check_load },
    { PHX_COLLECTOR, true, PHX_END(phx_collector_ops, health), sizeof(phx_collector_ops), check_collector },
    { PHX_STORAGE, false, PHX_END(phx_storage_ops, close), sizeof(phx_storage_ops), check_storage },
};

const struct plugin_kind *plugin__kind(const char *id)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].id, id) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* Copy a struct that says its own size into one of today's size. */
static void *copy_grown(struct arena *a, const void *theirs, size_t their_size, size_t our_size)
{
    void *ours = arena_alloc(a, our_size);
    memcpy(ours, theirs, their_size < our_size ? their_size : our_size);
    return ours;
}

static int check_ops(struct arena *a, const struct plugin_kind *kind, phx_component *c, struct refusal *why)
{
    if (!c->ops) {
        return missing_call(c->name, "ops", why);
    }
    uint32_t size;
    memcpy(&size, c->ops, sizeof size);
    if (check_size("its ops", size, kind->floor, why) != 0) {
        return -1;
    }
    c->ops = copy_grown(a, c->ops, size, kind->size);
    return kind->check(c->name, c->ops, why);
}

static int check_needs(const phx_component *c, struct refusal *why)
{
    for (size_t i = 0; c->needs && c->needs[i]; i++) {
        if (i == LIMIT_PLUGIN_COMPONENTS || check_text("an id in needs", c->needs[i], true, why) != 0) {
            return refuse(why, "a list of ids", REMEDY_AUTHOR, "component \"%s\" needs no sane list",
                          c->name);
        }
        if (!host__knows(c->needs[i])) {
            return refuse(why, "an interface that this release has", "use a newer Phoenix",
                          "component \"%s\" needs %s", c->name, c->needs[i]);
        }
    }
    return 0;
}

static int check_schema(const phx_component *c, struct schema **ret, struct refusal *why)
{
    *ret = NULL;
    if (!c->schema) {
        return 0;
    }
    struct err err = { 0 };
    struct str text = { c->schema, strnlen(c->schema, LIMIT_PLUGIN_SCHEMA + 1) };
    if (text.n > LIMIT_PLUGIN_SCHEMA) {
        err_set(&err, ERR_LIMIT, "longer than %d bytes", LIMIT_PLUGIN_SCHEMA);
    } else {
        *ret = schema_from_json(text, &err);
    }
    return *ret ? 0 : refuse(why, "a JSON Schema of the config", REMEDY_AUTHOR,
                             "the schema of component \"%s\": %s", c->name, err.msg);
}

/* *ret_c stays NULL for a kind that this host does not know: the plugin may have others. */
static int check_component(struct arena *a, const phx_component *theirs, const phx_component **ret_c,
                           struct schema **ret_schema, struct refusal *why)
{
    if (check_size("a component", theirs->size, COMPONENT_FLOOR, why) != 0) {
        return -1;
    }
    phx_component *c = copy_grown(a, theirs, theirs->size, sizeof *c);
    if (check_name(c->name, why) != 0 || check_text("a component's kind", c->kind, true, why) != 0 ||
        check_text("a component's summary", c->summary, false, why) != 0 ||
        check_flags(c->name, c->flags, 0, why) != 0) {
        return -1;
    }
    const struct plugin_kind *kind = plugin__kind(c->kind);
    if (!kind) {
        return 0;
    }
    if ((c->create == NULL) != (c->destroy == NULL)) {
        return missing_call(c->name, c->create ? "destroy" : "create", why);
    }
    if (check_ops(a, kind, c, why) != 0 || check_needs(c, why) != 0 ||
        check_schema(c, ret_schema, why) != 0) {
        return -1;
    }
    *ret_c = c;
    return 0;
}

/* What the plugin says about itself. */
static int check_head(const phx_plugin *p, struct refusal *why)
{
    if (p->minor_needed > PHX_ABI_MINOR) {
        char wanted[64];
        snprintf(wanted, sizeof wanted, "a plugin for ABI %d.%d or older", PHX_ABI_MAJOR, PHX_ABI_MINOR);
        return refuse(why, wanted, "use a newer Phoenix", "it needs %d.%u", PHX_ABI_MAJOR, p->minor_needed);
    }
    if (!p->license || !*p->license) {
        return refuse(why, "a licence", "the author must name one (SPDX) in .license", "none");
    }
    if (check_flags("the plugin", p->flags, 0, why) != 0 || check_id(p->id, why) != 0 ||
        check_text("its version", p->version, true, why) != 0 ||
        check_text("its licence", p->license, true, why) != 0 ||
        check_text("its summary", p->summary, false, why) != 0 ||
        check_text("its vendor", p->vendor, false, why) != 0 ||
        check_text("its homepage", p->homepage, false, why) != 0 ||
        check_text("its source", p->source, false, why) != 0 ||
        check_text("its revision", p->revision, false, why) != 0) {
        return -1;
    }
    return 0;
}

int plugin__check(struct arena *a, const phx_plugin *p, size_t symbol_size, struct checked *ret,
                  struct refusal *why)
{
    *ret = (struct checked){ 0 };
    if (symbol_size && (symbol_size < sizeof p->size || p->size > symbol_size)) {
        return refuse(why, "a size like that of its symbol", REMEDY_REBUILD, "size %u, symbol of %zu bytes",
                      symbol_size < sizeof p->size ? 0 : p->size, symbol_size);
    }
    if (check_size("the plugin", p->size, PLUGIN_FLOOR, why) != 0) {
        return -1;
    }
    memcpy(&ret->abi, p, p->size < sizeof ret->abi ? p->size : sizeof ret->abi);
    if (check_head(&ret->abi, why) != 0) {
        return -1;
    }
    size_t n = 0;
    while (p->components && n <= LIMIT_PLUGIN_COMPONENTS && p->components[n]) {
        n++;
    }
    if (n == 0 || n > LIMIT_PLUGIN_COMPONENTS) {
        return refuse(why, "1 to 64 components", REMEDY_AUTHOR, "%s", n ? "more" : "none");
    }
    ret->component = arena_calloc(a, n, sizeof(phx_component *));
    ret->schema = arena_calloc(a, n, sizeof(struct schema *));
    ret->n = n;
    for (size_t i = 0; i < n; i++) {
        if (check_component(a, p->components[i], &ret->component[i], &ret->schema[i], why) != 0) {
            checked__done(ret);
            return -1;
        }
    }
    return 0;
}

void checked__done(struct checked *c)
{
    for (size_t i = 0; i < c->n; i++) {
        schema_free(c->schema[i]);
    }
    c->n = 0;
}
