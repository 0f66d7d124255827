/* SPDX-License-Identifier: Apache-2.0 */
/** @file schema.h
 * Field tables: what a JSON document may hold. One table decodes, answers 422 with a pointer to each
 * fault, and prints itself as JSON Schema for OpenAPI, `plugin describe` and the manual.
 *
 * Two sources: rows of types.def (static), and the JSON Schema text of a plugin component
 * (schema_from_json). The same checker serves both. Pure; any thread.
 */
#ifndef PHOENIX_BASE_SCHEMA_H
#define PHOENIX_BASE_SCHEMA_H
#include <stdbool.h>
#include <stdint.h>
#include "core/base/err.h"
#include "core/base/json.h"

enum field_kind {
    F_STRING,   /**< min, max: bytes */
    F_NAME,     /**< name_valid() */
    F_HOST,     /**< name_valid(host) */
    F_UUID,
    F_INT,      /**< min, max: value */
    F_REAL,     /**< rmin, rmax: value */
    F_BOOL,
    F_DURATION, /**< "90s"; min, max: ns */
    F_SIZE,     /**< "512MiB" or a number of bytes; min, max: bytes */
    F_TIME,     /**< RFC 3339 */
    F_ENUM,     /**< one of values */
    F_OBJECT,   /**< sub */
    F_ARRAY,    /**< of item; min, max: elements */
    F_MAP,      /**< any keys; each value is item; max: members */
    F_ANY
};
enum { F_REQUIRED = 1, F_NULLABLE = 2, F_READ_ONLY = 4 };
struct schema;
struct field {
    const char *name;
    enum field_kind kind;
    unsigned flags;
    int64_t min, max;              /**< both 0: the kind's own limits */
    double rmin, rmax;             /**< both 0: any finite number */
    const char *const *values;     /**< F_ENUM, NULL-terminated */
    const struct schema *sub;      /**< F_OBJECT */
    const struct field *item;      /**< F_ARRAY, F_MAP */
    const char *dflt;              /**< JSON text, NULL: none */
    const char *help;
    /** F_ANY and F_OBJECT: also accept a plain string here (a name instead of {name, …}). */
    bool or_string;
};
struct schema {
    const char *name, *help;
    const struct field *fields; /**< ends with a row without name */
    bool open;                  /**< unknown members are allowed (and kept) */
    const struct field *array_of; /**< not NULL: the document is an array of this (answers only) */
};

/** One fault of a document. */
struct fault {
    char pointer[128]; /**< RFC 6901: "/config/duration" */
    char msg[192];
};
#define FAULTS_MAX 32
struct faults {
    unsigned n; /**< may exceed FAULTS_MAX: the rest was only counted */
    struct fault at[FAULTS_MAX];
};
/** Add a fault by hand (rules that a table cannot say). */
void fault_add(struct faults *f, const char *pointer, const char *fmt, ...) PRINTF_LIKE(3, 4);
/** True when @p doc is fine. @p faults is reset first. */
bool schema_check(const struct schema *s, const struct json *doc, struct faults *faults);
/** Set absent members that have a default. */
void schema_defaults(const struct schema *s, struct json *doc);
/** As JSON Schema 2020-12 (the part OpenAPI 3.1 uses). */
void schema_write(const struct schema *s, struct jw *w);
void schema_field_write(const struct field *f, struct jw *w); /**< one field's value */

/** From JSON Schema text: type object with properties of type string, integer, number, boolean,
 *  array, object (or none: anything); enum, minimum, maximum, minLength, maxLength, minItems, maxItems,
 *  items, properties, additionalProperties, default, description, title, required, format "duration",
 *  "uuid" or "date-time". Anything else is refused (CONFIG). Caller frees with schema_free(). */
struct schema *schema_from_json(struct str text, struct err *err) MUST_CHECK;
void schema_free(struct schema *s);
#endif
