/*
 * Addresses in a message's header exchanged for others: office addresses for the
 * provider's as mail leaves, and back as it comes. Everything else of the header (display
 * names, comments, encoded words, folding) stays as it is, byte by byte; a comment in the
 * middle of an exchanged address ("ann (home) @ office.example") goes with it. A
 * signature over these fields (DKIM, RFC 6376) does not survive.
 */
#ifndef MAIL_HEADER_REWRITE_H
#define MAIL_HEADER_REWRITE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"
#include "mail/address.h"

/* The address that stands for this one; false: it stays. */
typedef bool address_exchange(const void *ctx, const char *address,
			      char address_out[ADDRESS_MAX]);

/* Appends the header (up to and without the empty line, LF line ends), exchanged in From,
 * Sender, Reply-To, To, Cc, their Resent- forms, Return-Receipt-To, Errors-To,
 * Mail-Followup-To and Disposition-Notification-To. A field whose list does not parse
 * stays as it is; a line that becomes longer than RFC 5322 2.1.1 allows is folded. False:
 * nothing was exchanged, or past out's ceiling; out is then as it was. */
bool header_rewrite(struct span header, address_exchange *exchange, const void *ctx,
		    struct buf *out) MUST_USE;

#endif
