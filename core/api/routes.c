/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/routes.h"
#include "config.h"
#include "core/api/handlers.h"
#include "core/api/types.h"

/* `none` in a row means NULL in the table. By the preprocessor: comparing addresses is no constant
 * expression where a sanitizer looks at it. NONE_none adds an argument in front of the schema. */
#define NONE_none , NULL
#define SECOND(a, b, ...) b
#define SECOND_OF(...) SECOND(__VA_ARGS__)
#define SCHEMA_OR_NULL(type) SECOND_OF(NONE_##type, &type_##type, 0)

const struct route routes[] = {
#define ROUTE(id_, method_, path_, scope_, traffic_, body_, query_, reply_, status_, flags_, max_body_, \
              summary_) \
    { .id = #id_, .method = HTTP_##method_, .path = path_, .scope = SCOPE_##scope_, \
      .traffic = TRAFFIC_##traffic_, .handler = on_##id_, \
      .body = SCHEMA_OR_NULL(body_), .query = SCHEMA_OR_NULL(query_), .reply = SCHEMA_OR_NULL(reply_), \
      .status = status_, .flags = flags_, .max_body = max_body_, .summary = summary_ },
#include "core/tables/routes.def"
};

size_t routes_count(void)
{
    return sizeof routes / sizeof routes[0];
}
