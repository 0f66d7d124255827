/* SPDX-License-Identifier: Apache-2.0 */
/** @file address.h
 * Where a store is, in one word of a command line:
 *
 *   sqlite:PATH            a file; relative to the current folder too
 *   pg:CONNINFO            pg:host=db dbname=phoenix; pg: alone leaves all to libpq's PG... variables
 *   pg:@FILE               the conninfo is the first line of a file, so that nobody sees it in ps
 *   postgresql://...       libpq's own form, also postgres://
 *   NAME:{"key":"value"}   any driver with its config; NAME: alone, with none
 */
#ifndef PHOENIX_TOOLS_STORE_ADDRESS_H
#define PHOENIX_TOOLS_STORE_ADDRESS_H
#include "core/base/err.h"
#include "core/base/json.h"

struct address {
    char driver[64];
    struct json *config; /**< for store_open(); may hold a password */
    const char *file;    /**< what must be there to be read from; NULL: cannot be known. Of config */
    char shown[256];     /**< for people; never with a conninfo or a config */
};
/** USAGE with a remedy, or what reading FILE said; no message repeats the address. The caller calls
 *  address_done() in any case. */
int address_parse(const char *text, struct address *ret, struct err *err) MUST_CHECK;
void address_done(struct address *a);
#endif
