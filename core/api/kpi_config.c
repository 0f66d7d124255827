/* SPDX-License-Identifier: Apache-2.0 */
#include "core/api/kpi_config.h"
#include "core/base/limits.h"
#include "core/base/yaml.h"

static int read_prices(const struct settings *set, struct json **ret, struct err *err)
{
    CLEANUP_BUF struct buf path, text;
    buf_init(&path, 4096);
    buf_init(&text, LIMIT_YAML_BYTES);
    if (!name_valid(str_of(set->prices), false))
        return err_set(err, ERR_CONFIG, "prices: \"%s\" is no name of a table", set->prices);
    buf_addf(&path, "%s/prices/%s.yaml", *set->data_dir ? set->data_dir : PHX_DATADIR, set->prices);
    if (file_read(buf_cstr(&path), LIMIT_YAML_BYTES, &text, err) == 0)
        *ret = yaml_parse(buf_str(&text), NULL, err);
    return *ret ? 0 : err->code;
}

int kpi_config(const struct api *api, const struct component *c, struct json **io_prices,
               const struct json **ret, struct err *err)
{
    *ret = json_get(api->settings->plugins, c->name);
    for (const struct field *f = c->schema ? c->schema->fields : NULL; !*ret && f && f->name; f++) {
        if (strcmp(f->name, "prices") != 0)
            continue;
        int rc = *io_prices ? 0 : read_prices(api->settings, io_prices, err);
        if (rc != 0)
            return rc;
        *ret = *io_prices;
    }
    return 0;
}
