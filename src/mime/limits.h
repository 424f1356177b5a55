/*
 * Does a message need what not every server offers? A check that is cheap enough for
 * every message, of the bytes as they leave.
 */
#ifndef MIME_LIMITS_H
#define MIME_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Valid when zeroed. */
struct limits_check {
	bool eight_bit;    /* a byte above 127 */
	bool long_line;    /* a line of over 998 octets, CRLF aside */
	size_t line_bytes; /* of the line that is open */
};

void limits_check_take(struct limits_check *check, struct span wire);

#endif
