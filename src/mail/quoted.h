/* Somebody else's words in a message of ours, made so that they cannot break it: one line
 * stays one line, of letters. */
#ifndef MAIL_QUOTED_H
#define MAIL_QUOTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* Has bytes above 127. */
bool quoted_has_high(struct span text);

/* Controls (line ends too) become blanks, what is not UTF-8 "?", and, unless high letters
 * may stand there, those too; what is more than max bytes becomes "...". */
bool quoted_words(struct buf *out, struct span text, size_t max, bool high) MUST_USE;

/* An address as the wire has it, cleaned as words are. */
bool quoted_address(struct buf *out, const char *address, bool high) MUST_USE;

/* utf-8-addr-xtext (RFC 6533 3), for where only ASCII may stand. */
bool quoted_address_escaped(struct buf *out, const char *address) MUST_USE;

/* A header up to its empty line, cleaned; lines that are too long for SMTP are folded. */
bool quoted_header(struct buf *out, struct span header, bool high) MUST_USE;

#endif
