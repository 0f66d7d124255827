/* SPDX-License-Identifier: Apache-2.0 */
/** @file kpi_config.h
 * The config of a KPI: plugins.NAME of the settings file; else, if it has a member `prices`, the price table
 * of the setting `prices`, DATA_DIR/prices/NAME.yaml.
 */
#ifndef PHOENIX_API_KPI_CONFIG_H
#define PHOENIX_API_KPI_CONFIG_H
#include "core/api/api.h"

/** ret is borrowed from the settings or from *io_prices, which is the caller's to free and holds the price
 * table once it was read; NULL: it has none. Errors: CONFIG, IO. */
int kpi_config(const struct api *api, const struct component *c, struct json **io_prices,
               const struct json **ret, struct err *err) MUST_CHECK;
#endif
