/* Numbers out of text, whole or not at all: the only home of strtol and its kin. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

/* Decimal digits only, no sign, no space, at most `max`. False leaves *out alone. */
bool number_parse(struct span text, uint64_t max, uint64_t *out) MUST_USE;

/* As number_parse, with an optional k, m or g (x 1024) behind the digits: "10m". */
bool number_parse_bytes(struct span text, uint64_t max, uint64_t *bytes_out) MUST_USE;

/* As number_parse, with an optional s, m, h, d or w behind the digits: "90", "5d". */
bool number_parse_seconds(struct span text, uint64_t max, uint64_t *seconds_out) MUST_USE;

/* "812 B", "4.1 KiB", "2.0 MiB": for people. */
#define NUMBER_TEXT_MAX 24
const char *number_format_bytes(uint64_t bytes, char text_out[NUMBER_TEXT_MAX]);

#endif
