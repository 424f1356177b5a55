/* What the master starts: one row a program, as whom, how many, with which sockets. */
#ifndef PROGRAMS_LONTAR_ROLE_H
#define PROGRAMS_LONTAR_ROLE_H

#include <stdbool.h>

#include "base/span.h"

enum role {
	ROLE_AUTH,
	ROLE_DELIVER,
	ROLE_LINK,
	ROLE_DISPATCH,
	ROLE_SMTPD,
	ROLE_POP3D,
	ROLE_WEB,
	ROLE_MAILBOX, /* the first of those that are started because somebody asked */
	ROLE_FLUSH,
	ROLE_LOCAL, /* runs as whom its argument says: local_identity.h */
	ROLE_PICKUP,
	ROLE_PROBE,
	ROLE_NOTICES,
	ROLE_WARNING,
	ROLE_CALL,
	ROLE_CHECKPW,
	ROLE_FILTER,
	ROLES,
};

struct role_row {
	const char *name; /* as people and MASTER_START say it; a socket in run/ too */
	const char *program;
	const char *words[3];    /* arguments before its name */
	const char *user;        /* NULL: root, who may become another user */
	const char *shares_with; /* a user whose group it has too; NULL: nobody's */
	bool may_gain;           /* by starting set-id programs: privilege.h */
	bool has_socket;         /* run/NAME is its to listen on */
	bool is_door;            /* serves strangers: listeners, certificates, no files */
	bool one_a_core;         /* else one a gateway */
	enum role asker;         /* of what is started on demand */
	bool is_on_demand;
	bool (*name_is_valid)(const char *name); /* of its argument */
};

extern const struct role_row roles[ROLES];

/* False: no such role. */
bool role_find(struct span name, enum role *role_out);

/* A role that is a door takes the listeners of this service (control/listen's word). */
bool role_serves(enum role role, const char *service);

#endif
