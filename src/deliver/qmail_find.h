/*
 * Which .qmail file says what becomes of an address, and whether it may be obeyed
 * (dot-qmail(5); the rules are those of qmail-local).
 *
 * For extension EXT behind DASH: .qmailDASHEXT, then .qmailDASHPREFIXdefault for each
 * PREFIX of EXT that ends in "-", the longest first, and for the empty one. EXT is taken
 * in lower case with ":" for "."; a name with a slash in it is no file's.
 */
#ifndef DELIVER_QMAIL_FIND_H
#define DELIVER_QMAIL_FIND_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "deliver/qmail_file.h"
#include "mail/address.h"
#include "mail/maildir.h"

#define QMAIL_ANY_OWNER ((uid_t)-1)

struct qmail_place {
	int home_fd;
	uid_t owner;      /* home and files must be his or root's, or QMAIL_ANY_OWNER */
	const char *dash; /* "", "-", or what users/assign says */
	const char *ext;  /* as it was typed */
};

struct qmail_found {
	char name[MAILDIR_NAME_MAX]; /* of the file, below home; "" where there is none */
	bool is_empty;               /* 0 bytes: what is usual here, as without a file */
	bool has_default;            /* DEFAULT is set, to: */
	char rest[ADDRESS_MAX];      /* what "default" stands for, as it was typed */
	bool has_owner;              /* there is .qmailDASHEXT-owner, */
	bool has_owner_default;      /* and .qmailDASHEXT-owner-default: VERP */
	struct qmail_file file;
};

/* True: found, or certainly none (name is ""). Err, always temporary: home or file may
 * be written by others, is being edited (sticky bit), is no regular file, cannot be read
 * or makes no sense; the text names the file. */
bool qmail_find(const struct qmail_place *place, struct qmail_found *found_out,
		struct err *err) MUST_USE;

/* The same for one file by its name, `lontar check` asks. */
bool qmail_read(const struct qmail_place *place, const char *name,
		struct qmail_found *found_out, struct err *err) MUST_USE;

/* As qmail_find, but only whether there is one, nothing judged: for who must decide
 * quickly. */
bool qmail_exists(const struct qmail_place *place, bool *there_out,
		  struct err *err) MUST_USE;

void qmail_found_clear(struct qmail_found *found);

#endif
