/* A qmail home while it is carried over: what its parts share. */
#ifndef IMPORT_QMAIL_H
#define IMPORT_QMAIL_H

#include "control/settings.h"
#include "import/import.h"

#define QMAIL_ROUTES_MAX 64 /* of serialmail */

/* A Maildir that serialmail sent to one host. */
struct qmail_serial {
	char name[64];    /* of its smarthost: what stands behind "alias-" */
	char prefix[80];  /* in front of its recipients, with the last dash */
	char folder[600]; /* the Maildir, absolute or below alias/ */
	const char *line; /* of virtualdomains, borrowed from own */
};

struct qmail {
	struct import *import;
	int control_fd;      /* its control/, -1: it has none */
	int alias_fd;        /* its alias/, -1: it has none */
	struct settings own; /* locals and virtualdomains, as qmail has them */
	struct qmail_serial serial[QMAIL_ROUTES_MAX];
	size_t serial_count;
	bool has_catch_all; /* users/assign names everybody: no user of the system else */
};

/* The settings that are one file each, and those that have no counterpart. */
bool qmail_settings(struct qmail *qmail, struct err *err) MUST_USE;

/* virtualdomains, smtproutes, authsenders: routes and smarthosts. Finds serial first. */
bool qmail_find_serial(struct qmail *qmail, struct err *err) MUST_USE;
bool qmail_routes(struct qmail *qmail, struct err *err) MUST_USE;

/* users/assign, alias/, what is usual, fastforward's aliases, users' own files. */
bool qmail_people(struct qmail *qmail, struct err *err) MUST_USE;

/* Mail that waits: in serial's Maildirs, and in the queue. */
bool qmail_serial_mail(struct qmail *qmail, struct err *err) MUST_USE;
/* own may be zeroed: then no address is put back. queue_fd: queue/, borrowed. */
bool qmail_queue_mail(struct import *import, int queue_fd, const struct settings *own,
		      struct err *err) MUST_USE;

#endif
