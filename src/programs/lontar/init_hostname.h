/*
 * What qmail's `config` worked out: the machine's full name, the domains of names typed
 * without one, and every name that its addresses have. Asks the system's resolver, as an
 * operator's command may.
 */
#ifndef PROGRAMS_LONTAR_INIT_HOSTNAME_H
#define PROGRAMS_LONTAR_INIT_HOSTNAME_H

#include "base/attr.h"
#include "base/err.h"
#include "control/settings_list.h"

struct init_hostname {
	char me[256]; /* lower case, with a dot */
	const char
		*defaultdomain; /* in me: without its first label, where it has three */
	const char *plusdomain; /* in me: its last two labels */
	struct settings_list names; /* me first; cleared by the caller */
};

/* EX_CONFIG: the machine has no full name. */
bool init_hostname(struct init_hostname *out, struct err *err) MUST_USE;

#endif
