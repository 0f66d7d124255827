/* SPDX-License-Identifier: Apache-2.0 */
/* What the scanner takes for a heartbeat of the short form, the tree and its schema take too, and both
 * read the same from it: the fast path opens no door. */
#include <stdlib.h>
#include "core/api/heartbeat.h"
#include "core/api/types.h"

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_same(struct str text, const struct heartbeat *scanned)
{
    static struct faults faults;
    struct heartbeat read;
    struct json *doc CLEANUP_JSON = json_parse(text, NULL, NULL);
    require(doc && schema_check(&type_heartbeat, doc, &faults));
    heartbeat_read(doc, &read);
    require(str_eq(read.host_id, scanned->host_id) && read.mood == scanned->mood);
    require(str_eq(read.agent_version, scanned->agent_version));
    require(memcmp(&read.usage, &scanned->usage, sizeof read.usage) == 0);
    require(memcmp(&read.spool, &scanned->spool, sizeof read.spool) == 0);
    require(read.n_tasks == scanned->n_tasks);
    for (size_t i = 0; i < read.n_tasks; i++)
        require(str_eq(read.tasks[i].id, scanned->tasks[i].id) &&
                read.tasks[i].epoch == scanned->tasks[i].epoch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heartbeat h;
    char *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    struct str text = { copy, size };
    if (heartbeat_scan(text, &h))
        check_same(text, &h);
    free(copy);
    return 0;
}
