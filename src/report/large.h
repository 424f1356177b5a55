/* The large messages that lie at providers until somebody asks (link/large.h), for people
 * and as JSON. */
#ifndef REPORT_LARGE_H
#define REPORT_LARGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "link/large.h"

/* [{"id","size","from","subject","date","recipient","age_s","cost",
 * "state":"waiting|asked|dropped"}] */
json_t *report_large_json(const struct large *larges, size_t count);

/* Two or three lines each. */
void report_large_print(const struct large *larges, size_t count, FILE *to);

#endif
