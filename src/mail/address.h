/*
 * Mail addresses as the envelope has them.
 *
 * Inside, an address is a C string "local@domain" with the local part unquoted (as qmail
 * keeps it) and everything else as it was typed; the null sender is "". It holds no NUL,
 * CR or LF and is at most ADDRESS_MAX - 1 bytes. Quotes exist only on the wire: these
 * functions put them there and take them away (RFC 5321 4.1.2, RFC 6531).
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define ADDRESS_MAX      900
#define ADDRESS_WIRE_MAX ((size_t)2 * ADDRESS_MAX + 2) /* quoted throughout */

/* Takes a path off the front of *rest: "<a@b>", "<>", "<@x,@y:a@b>" (source route
 * dropped),
 * "<postmaster>" (no domain), or, as old books type it, a bare "a@b" up to a blank.
 * Permanent err 5.1.3 (5.1.7 for the caller to put on a sender) when it is none. */
bool address_take_path(struct span *rest, char address_out[ADDRESS_MAX],
		       struct err *err) MUST_USE;

/* The wire form without brackets, its local part quoted where it must be. */
bool address_append(struct buf *out, const char *address) MUST_USE;

/* Could stand in an envelope: what address_append writes of it reads back as the same.
 * The null sender can. */
bool address_is_valid(const char *address);

/* The last "@"'s domain, "" where there is none; and what stands before it. Borrowed. */
const char *address_domain(const char *address);
struct span address_local(const char *address);

/* Has bytes above 127, so that it needs SMTPUTF8 on the wire. */
bool address_is_utf8(const char *address);

/* Same mailbox: domain and local part without case (a gateway's users are case-blind). */
bool address_same(const char *one, const char *other);

/* A domain name or address literal that could stand in HELO or behind an "@". */
bool address_domain_is_valid(struct span domain);

#endif
