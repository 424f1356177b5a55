/* Is it UTF-8? (RFC 3629) */
#ifndef MAIL_UTF8_H
#define MAIL_UTF8_H

#include <stdbool.h>

#include "base/span.h"

/* Well-formed (no overlong forms, no surrogates) and without control characters: C0,
 * DEL, C1. ASCII text is. */
bool utf8_is_text(struct span bytes);

#endif
