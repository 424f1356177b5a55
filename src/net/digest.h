/* SHA-256 of bytes as they come: to know a thing again without keeping it. */
#ifndef NET_DIGEST_H
#define NET_DIGEST_H

#include "base/attr.h"
#include "base/span.h"

#define DIGEST_TEXT_MAX 33 /* the first 128 bits in hex, and a NUL */

struct digest;

struct digest *digest_new(void);
void digest_add(struct digest *digest, struct span bytes);
/* What was added so far; more may follow. */
const char *digest_text(const struct digest *digest, char text_out[DIGEST_TEXT_MAX]);
void digest_free(struct digest *digest); /* NULL does nothing */

#endif
