/*
 * Mail that waits in another system's queue, handed in here.
 *
 * spool/state/imported has a line for each recipient who has been taken care of, written
 * when his copy was durable: so a second run, or one after a crash, does not do him
 * twice (but for the one that was under way). Who does not exist is bounced to the
 * sender, as the old system would have done.
 */
#ifndef IMPORT_WAITING_H
#define IMPORT_WAITING_H

#include <sys/types.h>

#include "import/import.h"

struct waiting_message {
	const char *key; /* tells it from all others, without blanks at its ends */
	const char *sender;
	const struct settings_list *recipients;
	int fd;     /* LF line ends */
	off_t from; /* where the message begins */
};

struct waiting;

/* NULL and err. what: "queue", for people. */
struct waiting *waiting_open(struct import *import, const char *what, struct err *err);
/* Tells the sums, and frees. NULL does nothing. */
void waiting_close(struct waiting *waiting);

/* False: nothing can be written any more. What cannot be taken just now is told and
 * counted in import->left. */
bool waiting_add(struct waiting *waiting, const struct waiting_message *message,
		 struct err *err) MUST_USE;

/* His failure was known there already, and not told to the sender yet. */
bool waiting_bounce(struct waiting *waiting, const struct waiting_message *message,
		    const char *recipient, const char *why, struct err *err) MUST_USE;

/* A file that makes no sense: told, and counted in import->left. */
void waiting_broken(struct waiting *waiting, const char *key, const char *why);

#endif
