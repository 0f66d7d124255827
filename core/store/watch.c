/* SPDX-License-Identifier: Apache-2.0 */
/* Signals between processes that share a store: topics.def by name, and one listener. Signals of a topic
 * that this program does not know come from a newer one and mean nothing here. */
#include "core/base/limits.h"
#include "core/store/store_priv.h"

static const char *const topics[TOPIC_COUNT] = {
#define TOPIC(id, name, key) [TOPIC_##id] = name,
#include "core/tables/topics.def"
};

static void on_changed(void *ctx, phx_str topic, phx_str key)
{
    struct store *st = ctx;
    char text[PHX_SIGNAL_MAX + 1];
    if (st->closing || !st->listener.changed || key.n > PHX_SIGNAL_MAX)
        return;
    str_copy(text, sizeof text, (struct str){ key.p, key.n });
    for (int i = 0; i < TOPIC_COUNT; i++)
        if (str_eqz((struct str){ topic.p, topic.n }, topics[i]))
            st->listener.changed(st->listener.arg, (enum topic)i, text);
}

static void on_resync(void *ctx)
{
    struct store *st = ctx;
    if (!st->closing && st->listener.resync)
        st->listener.resync(st->listener.arg);
}

void watch__start(struct store *st, const struct phx_component *abi)
{
    st->watch = PHX_HAS(abi, phx_component, extension) ? abi->extension(PHX_STORAGE_WATCH) : NULL;
    st->watcher = (phx_storage_watcher){
        .size = sizeof st->watcher, .ctx = st, .changed = on_changed, .resync = on_resync
    };
    if (st->watch)
        st->watch->watch(st->self, &st->watcher);
}

bool store_is_shared(const struct store *st)
{
    return st->watch != NULL;
}

void store_signal(struct store *st, enum topic topic, const char *key)
{
    struct str name = str_of(topics[topic]), k = str_of(key);
    /* also while the last queries are answered */
    if (st->watch && st->open && st->closing <= CLOSING_ASKED)
        st->watch->signal(st->self, (phx_str){ name.p, name.n }, (phx_str){ k.p, k.n });
}

void store_listen(struct store *st, const struct store_listener *listener)
{
    st->listener = *listener;
}
