/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1/agent/logs: rows of agent_logs, numbered by batch and line. */
#include "core/api/handlers.h"
#include "core/api/ingest.h"
#include "core/base/clock.h"

enum { LINES_PER_BATCH = 1000 }; /* as type_logs_batch says */

static void add_line(struct query *q, struct request *rq, const struct json *line, struct str stream,
                     int64_t seq)
{
    int64_t ts = 0;
    const char *source = json_get_str(line, "source", NULL), *message = json_get_str(line, "message", "");
    rfc3339_parse(json_text(json_get(line, "timestamp")), &ts);
    q_text(q, F_LOGS_HOST_ID, request_host_id(rq));
    q_int(q, F_LOGS_SEQ, seq);
    q_str(q, F_LOGS_STREAM, stream);
    q_time(q, F_LOGS_TS, ts ? ts : loop_wall(request_loop(rq)));
    q_text(q, F_LOGS_TASK_ID, json_get_str(line, "task_id", NULL));
    q_text(q, F_LOGS_LEVEL, json_get_str(line, "level", NULL));
    q_text(q, F_LOGS_MESSAGE, source ? arena_printf(request_arena(rq), "%s: %s", source, message) : message);
}

void on_agent_logs(struct request *rq)
{
    const struct json *body = request_json(rq), *logs = json_get(body, "logs");
    struct str stream = json_text(json_get(body, "stream"));
    int64_t seq = json_get_int(body, "seq", 0);
    struct query *rows = NULL;
    for (size_t i = 0; i < json_len(logs); i++) {
        if (rows) {
            q_next_row(rows);
        } else {
            rows = q_put(request_api(rq)->store, C_LOGS);
        }
        add_line(rows, rq, json_at(logs, i), stream, seq * LINES_PER_BATCH + (int64_t)i);
    }
    ingest_stats(request_api(rq))->log_lines_total += json_len(logs);
    ingest_store(rq, rows, stream, seq);
}
