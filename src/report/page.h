/* What the status page shows: `lontar status --json`, and the large messages at
 * providers that one user may ask for. */
#ifndef REPORT_PAGE_H
#define REPORT_PAGE_H

#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "link/large.h"

/* The message is told to this account (in any case of letters, with or without an
 * extension) of one of our own domains. */
bool page_is_for(const struct settings *settings, const struct large *large,
		 const char *user);

/* {"status": ..., "large": [{"id","token","from","subject","date","octets","cost",
 * "asked"}]}: those of the user. */
bool page_print(int root_fd, int control_fd, const struct settings *settings,
		const char *user, FILE *to, struct err *err) MUST_USE;

#endif
