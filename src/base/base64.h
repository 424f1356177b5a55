/* Base64 as SASL has it (RFC 4648 4): no white space, padded. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* Appends what text stands for; false where it is no base64, or out is at its ceiling. */
bool base64_decode(struct span text, struct buf *out) MUST_USE;

/* Appends the text for the bytes; false if out is at its ceiling. */
bool base64_encode(struct span bytes, struct buf *out) MUST_USE;

#endif
