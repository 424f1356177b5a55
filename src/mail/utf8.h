/* Is it UTF-8? (RFC 3629) */
#ifndef MAIL_UTF8_H
#define MAIL_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* The bytes of the character in front, 0 where there is none (the end, an overlong form,
 * a surrogate, half a character). */
size_t utf8_take(struct span bytes, uint32_t *code_out);

/* Well-formed (no overlong forms, no surrogates) and without control characters: C0,
 * DEL, C1. ASCII text is. */
bool utf8_is_text(struct span bytes);

/* Is it well-formed, of bytes that come in pieces? Valid when zeroed. */
struct utf8_check {
	unsigned missing; /* bytes of the character that has begun; of the next ... */
	unsigned char low, high; /* ... what it may be */
	bool broken;
};
void utf8_check_take(struct utf8_check *check, struct span bytes);
/* So far, and no character is cut off. */
bool utf8_check_is_good(const struct utf8_check *check);

#endif
