/* A person's name in front of his address (RFC 5322 3.4, RFC 2047). */
#ifndef MAIL_FULL_NAME_H
#define MAIL_FULL_NAME_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"

/* Appends the name and a blank: as it is, quoted, or as encoded words, whatever it needs.
 * Nothing for NULL, for "", and for what is no UTF-8 text. */
bool full_name_append(struct buf *out, const char *name) MUST_USE;

#endif
