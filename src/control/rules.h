/*
 * ucspi-tcp's rules, as tcprules(1) reads and tcpserver(1) stores them: "address:allow"
 * or "address:deny", then ',VARIABLE="value"' any number of times (any character may
 * stand for the quotes). "1.2.3.4-9" and "10.2-3." are ranges; lines that begin with "#",
 * empty ones and ones without ":" are ignored.
 *
 * Beyond tcprules an address may be IPv6: "fe80::1:allow". Its key ends before the first
 * ":allow" or ":deny"; a whole address is stored as inet_ntop writes it, a beginning
 * ("2001:db8:", "fe80::") as it stands, and ranges in it are hexadecimal: "fc00-fdff:".
 */
#ifndef CONTROL_RULES_H
#define CONTROL_RULES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

/* Calls back for each key and its data as tcpserver's cdb has them; stops at the first
 * false. err (EX_CONFIG) names path and line. */
bool rules_parse(const char *path, struct span text,
		 bool (*each)(void *ctx, struct span key, struct span data,
			      struct err *err),
		 void *ctx, struct err *err) MUST_USE;

/* Takes the next instruction off *data: 'D', or '+' with variable and value. 0 at the end
 * or at what is none. */
char rules_next(struct span *data, struct span *variable_out, struct span *value_out);

#endif
