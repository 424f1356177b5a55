/*
 * Header words in other alphabets, as people are to read them: "=?utf-8?q?=C3=A4?=" (RFC
 * 2047; RFC 2231 5). Known are UTF-8, US-ASCII, ISO-8859-1 and -15 and Windows-1252; a
 * word of any other charset, or a broken one, stays as it is. What comes out may hold any
 * byte: clean it (mail/quoted.h) before it is shown.
 */
#ifndef MAIL_ENCODED_WORD_H
#define MAIL_ENCODED_WORD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* text: a field's value, unfolded. Appends it as UTF-8; false: out is at its ceiling. */
bool encoded_words_decode(struct span text, struct buf *out) MUST_USE;

#endif
