/*
 * Addresses as people of one office type them, made whole by qmail-inject's rules: "ann"
 * becomes ann@HOST, "ann@cad" ann@cad.DOMAIN and "ann@cad+" ann@cad.PLUS.
 */
#ifndef MAIL_QUALIFY_H
#define MAIL_QUALIFY_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail/address.h"

struct qualifier {
	const char *host;   /* for names without any */
	const char *domain; /* for hosts without a dot */
	const char *plus;   /* for hosts that end in "+" */
};

/* One address; "localhost" is HOST too. Permanent err where the result is too long. */
bool qualify_address(const struct qualifier *qualifier, const char *address,
		     char address_out[ADDRESS_MAX], struct err *err) MUST_USE;

/* Appends the value of a field with each address of its list made whole and everything
 * else, names, comments and folding, as it stands. Permanent err where it is no list. */
bool qualify_list(const struct qualifier *qualifier, struct span value, struct buf *out,
		  struct err *err) MUST_USE;

#endif
