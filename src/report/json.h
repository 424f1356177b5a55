/* What all our JSON has in common: no key is ever left out, what is not known is null,
 * and bytes that are no UTF-8 cannot spoil a document. */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"

/* New references, never NULL. */
json_t *report_text(const char *text);  /* null for NULL; "?" for bytes of no UTF-8 */
json_t *report_words(const char *text); /* as report_text, and null for "" */
json_t *report_when(int64_t wall_s);    /* RFC 3339; null for 0 */
json_t *report_count(int64_t number);   /* null below 0 */

/* Writes the document and a line end, and drops the reference. */
bool report_print(json_t *document, FILE *to, struct err *err) MUST_USE;

#endif
