/* SPDX-License-Identifier: Apache-2.0 */
/** @file heartbeat.h
 * The heartbeat's document. Its short form is by far the most frequent body of the API: it is
 * scanned without a tree and without an allocation. Pure.
 */
#ifndef PHOENIX_API_HEARTBEAT_H
#define PHOENIX_API_HEARTBEAT_H
#include "core/base/json.h"

enum { HEARTBEAT_TASKS_MAX = 256 };
enum agent_mood { AGENT_HEALTHY, AGENT_DEGRADED, AGENT_STOPPING, AGENT_MOOD_COUNT };
extern const char *const agent_mood_names[AGENT_MOOD_COUNT];

/** What an agent measures of its host; a negative value: not said. */
struct host_usage {
    double cpu_percent, memory_percent, disk_percent;
    int64_t memory_bytes, disk_bytes;
};
struct spool_usage {
    int64_t batches, bytes, dropped;
};
struct heartbeat {
    struct str host_id, agent_version; /**< borrowed from the text; agent_version.p NULL: not said */
    enum agent_mood mood;
    struct host_usage usage;
    struct spool_usage spool;
    size_t n_tasks;
    struct heartbeat_task {
        struct str id;
        int64_t epoch;
    } tasks[HEARTBEAT_TASKS_MAX];
};
/** True: the text is a heartbeat of the short form, and *ret is filled. False: it is something else
 *  (the full form, unusual spelling, or a fault): parse it, check it against its schema. */
bool heartbeat_scan(struct str text, struct heartbeat *ret);
/** The same from a tree that has passed type_heartbeat; borrowed from it. */
void heartbeat_read(const struct json *doc, struct heartbeat *ret);
/** {"cpu_percent": ...}; NULL when nothing was said. Caller frees. */
struct json *host_usage_json(const struct host_usage *u);
#endif
