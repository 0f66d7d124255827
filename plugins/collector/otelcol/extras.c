/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/collector/otelcol/extras.h"
#include <string.h>

typedef bool rule_fn(const struct doc_node *node);
struct rule {
    const char *key;
    rule_fn *holds;
    const char *wanted;
};

static bool is_list_of(const struct doc_node *list, rule_fn *item_holds)
{
    const struct doc_node *item = list->child;
    while (item && item_holds(item)) item = item->next;
    return list->kind == DOC_LIST && !item;
}

/* Kept short: gates become one argument. */
static bool is_gate(const struct doc_node *node)
{
    if (!doc_is_string(node)) return false;
    const char *name = node->text + (node->text[0] == '-' || node->text[0] == '+');
    return name[0] && strlen(name) <= 100 &&
           !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._")];
}

static bool is_gates(const struct doc_node *node)
{
    return is_list_of(node, is_gate);
}

static bool is_memory(const struct doc_node *node)
{
    uint64_t mib;
    return doc_uint(node, &mib) && mib >= 16 && mib <= EXTRAS_MAX_MEMORY_MIB;
}

static bool is_count(const struct doc_node *node)
{
    uint64_t k;
    return doc_uint(node, &k) && k >= 1 && k <= EXTRAS_MAX_K;
}

static bool is_rank(const struct doc_node *node)
{
    return doc_is_string(node) && (!strcmp(node->text, "cpu") || !strcmp(node->text, "memory"));
}

static bool is_ranks(const struct doc_node *node)
{
    return node->child && is_list_of(node, is_rank);
}

static bool is_name(const struct doc_node *node)
{
    return doc_is_string(node) && node->text[0] && strlen(node->text) <= 256;
}

static bool is_names(const struct doc_node *node)
{
    return is_list_of(node, is_name);
}

static bool is_duration(const struct doc_node *node)
{
    size_t digits = node->kind == DOC_SCALAR ? strspn(node->text, "0123456789") : 0;
    const char *unit = node->text + digits;
    return digits && digits <= 6 && (!strcmp(unit, "ms") || !strcmp(unit, "s") || !strcmp(unit, "m"));
}

static void check_map(const struct doc_node *map, const struct rule *rules, const struct place *place,
                      struct doc_faults *faults)
{
    for (const struct doc_node *node = map->child; node; node = node->next) {
        struct place here = { place, node->key };
        const struct rule *rule = rules;
        while (rule->key && strcmp(rule->key, node->key)) rule++;
        if (!rule->key) place_fault(faults, &here, node, "is not known here");
        else if (!rule->holds(node)) place_fault(faults, &here, node, "must be %s", rule->wanted);
    }
}

static bool is_map(const struct doc_node *node)
{
    return node->kind == DOC_MAP;
}

void extras_check(const struct doc_node *extras, const struct place *place, struct doc_faults *faults)
{
    static const struct rule top[] = {
        { "gates", is_gates, "a list of feature gates" },
        { "memory_mib", is_memory, "a whole number from 16 to 1048576" },
        { "rank", is_map, "a map" },
        { NULL, NULL, NULL },
    };
    static const struct rule rank[] = {
        { "k", is_count, "a whole number from 1 to 10000" },
        { "by", is_ranks, "a list of cpu, memory or both" },
        { "critical", is_names, "a list of names or globs" },
        { "every", is_duration, "a duration such as 10s" },
        { NULL, NULL, NULL },
    };
    check_map(extras, top, place, faults);
    struct place here = { place, "rank" };
    if (doc_get(extras, "rank")) check_map(doc_get(extras, "rank"), rank, &here, faults);
}
