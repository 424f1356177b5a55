/*
 * control/rewrites: which addresses of ours a provider knows by another name.
 *
 *   [SMARTHOST:]office address:provider's address
 *
 * The office address may be "@domain"; a "*" on the right then stands for its local part.
 * As mail leaves: the lines for its smarthost before those for all, whole addresses
 * before domains. As mail comes: whole addresses first, then what a "*" makes of it,
 * whatever the smarthost; a "@domain" without "*" leads nowhere back. Of several lines
 * for one address the last counts, without case, as in qmail.
 */
#ifndef CONTROL_REWRITES_H
#define CONTROL_REWRITES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings_list.h"
#include "mail/address.h"

struct rewrites {                      /* valid when zeroed: there are none */
	struct settings_list leaving;  /* "smarthost/address:address" */
	struct settings_list coming;   /* "address:address" */
	struct settings_list patterns; /* "address with *:@domain" */
};

/* A missing file: none. A line that makes no sense is an err (EX_CONFIG, with file, line
 * and mend), for mail that left under a wrong name would come back to nobody. Clear with
 * rewrites_clear. */
bool rewrites_load(int control_fd, struct rewrites *rewrites_out,
		   struct err *err) MUST_USE;
/* The same from text. */
bool rewrites_parse(struct span text, struct rewrites *rewrites_out,
		    struct err *err) MUST_USE;
void rewrites_clear(struct rewrites *rewrites);
bool rewrites_are_empty(const struct rewrites *rewrites);

/* What the smarthost is told instead of address; false: the address itself. */
bool rewrites_leaving(const struct rewrites *rewrites, const char *smarthost,
		      const char *address, char address_out[ADDRESS_MAX]);
/* Whose mail it is that comes for address; false: the address's own. */
bool rewrites_coming(const struct rewrites *rewrites, const char *address,
		     char address_out[ADDRESS_MAX]);

/* Calls back for each smarthost that a line names, for `lontar check`. */
void rewrites_each_smarthost(const struct rewrites *rewrites,
			     void (*each)(void *ctx, const char *smarthost), void *ctx);

#endif
