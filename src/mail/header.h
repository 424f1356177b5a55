/*
 * The header of a message: fields found and read, never changed in place (RFC 5322 2.2).
 *
 * Works on the message's first bytes with LF line ends (a CR before the LF is tolerated).
 * The header ends at the first empty line, at the first line that is neither a field nor
 * a continuation, or with the bytes.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "mail/address.h"

struct header_field {
	struct span whole; /* name, colon, value and line end, folded lines included */
	struct span name;
	struct span value; /* after the colon, still folded, without the last line end */
};

/* Takes the next field off *rest; false at the end of the header (*rest is then what
 * follows, the empty line included). */
bool header_next(struct span *rest, struct header_field *field_out);

/* The first field of that name (any case). */
bool header_find(struct span message, const char *name, struct header_field *field_out);

/* The value without folding, comments kept, blanks at the ends gone. */
bool header_unfold(struct span value, struct buf *out) MUST_USE;

/* header_addresses below, which also tells an address's place in value, from its first
 * letter or quote to its last. Its host may end in "+" (see mail/qualify.h). */
bool header_addresses_at(struct span value,
			 bool (*each)(void *ctx, const char *address, struct span place,
				      struct err *err),
			 void *ctx, struct err *err) MUST_USE;

/* Calls back for each mailbox of an address list (RFC 5322 3.4: groups, comments, quotes,
 * obsolete routes), unquoted; stops at the first false. Permanent err where the list does
 * not parse. Local names without a domain are called back as they are. */
bool header_addresses(struct span value,
		      bool (*each)(void *ctx, const char *address, struct err *err),
		      void *ctx, struct err *err) MUST_USE;

#endif
