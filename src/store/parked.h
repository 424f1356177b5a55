/*
 * Mail waiting for a link: spool/parked/NAME, one Maildir per smarthost.
 *
 * Everything that scheduling needs stands in the file's name; a rename is the update, a
 * listing is the query. Files are in new/, or in cur/ when they carry a flag. Anyone may
 * list; only the holder of the lock (run/lock.NAME) renames, settles or removes.
 */
#ifndef STORE_PARKED_H
#define STORE_PARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "mail/envelope.h"
#include "store/parked_name.h"

struct parked_list {
	struct parked_name *names;
	size_t count;
};
void parked_list_clear(struct parked_list *list);

struct parked; /* one smarthost's Maildir, open */

/* make: creates the folders durably; else a missing one is an err with EX_NOINPUT. */
struct parked *parked_open(int root_fd, const char *smarthost, bool make,
			   struct err *err) MUST_USE;
void parked_close(struct parked *parked); /* unlocks too; NULL does nothing */
const char *parked_smarthost(const struct parked *parked);

/* Takes the one lock of this smarthost, without waiting; held by another: EX_TEMPFAIL. */
bool parked_lock(struct parked *parked, struct err *err) MUST_USE;

/* Tells of each message, in no order, until `each` returns false. Unsized files
 * (serialmail's) get their sizes from the disk. */
bool parked_each(struct parked *parked,
		 bool (*each)(void *ctx, const struct parked_name *name), void *ctx,
		 struct err *err) MUST_USE;
/* All messages, in no order. */
bool parked_list(struct parked *parked, struct parked_list *list_out,
		 struct err *err) MUST_USE;

/* Opens one for reading and writing and reads its head. The descriptor, or -1 and err (it
 * was removed meanwhile: EX_NOINPUT; its head is broken: permanent). */
int parked_read(struct parked *parked, const struct parked_name *name,
		struct envelope *envelope_out, struct err *err) MUST_USE;

/* Settles a recipient durably (his DSN has been committed before, or his mail was taken).
 */
bool parked_settle(struct parked *parked, int fd, struct envelope_recipient *recipient,
		   struct err *err) MUST_USE;

/* Renames to what *to says and then sets *name = *to. Not synced: see parked_sync. */
bool parked_rename(struct parked *parked, struct parked_name *name,
		   const struct parked_name *to, struct err *err) MUST_USE;
/* Removes it. Not synced. */
bool parked_remove(struct parked *parked, const struct parked_name *name,
		   struct err *err) MUST_USE;
/* Moves it into another smarthost's Maildir, durably (new routes). */
bool parked_move(struct parked *parked, const struct parked_name *name,
		 struct parked *target, struct err *err) MUST_USE;
/* What was renamed or removed is durable when this returns. */
bool parked_sync(struct parked *parked, struct err *err) MUST_USE;

/* The names of all Maildirs in spool/parked, sorted; count and names to be freed with
 * parked_smarthosts_clear. */
struct parked_smarthosts {
	char **names;
	size_t count;
};
bool parked_smarthosts(int root_fd, struct parked_smarthosts *out,
		       struct err *err) MUST_USE;
void parked_smarthosts_clear(struct parked_smarthosts *smarthosts);

#endif
