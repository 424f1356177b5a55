/*
 * What was fetched from one mailbox before: spool/pickup/NAME, a text file that is only
 * appended to, a line a message: kind, key, digest, when it was fetched, when it was last
 * listed, its octets there, its identity if any. A torn last line is a message that is
 * fetched once more, and recognised.
 *
 * The key tells the message at the server (a digest of its UIDL), the digest tells its
 * contents and recipient: when the server makes new UIDLs, or gives the same mail twice,
 * it is still known. "-" where one is not known. Both are DIGEST_TEXT_MAX texts.
 *
 * A key is forgotten when its message is gone there: a server may give the same UIDL to
 * another one then (RFC 1939 7), which must not be taken for known. The digest stays.
 *
 * A line "@ digest" says whose mailbox all this is of. After a change of server or login
 * a uid is believed only with its size, since two servers may give the same.
 *
 * lontar-deliver appends the line of a message as it becomes durable, so that a pickup
 * that is killed meanwhile does not fetch it again. The descriptor that it has for that
 * carries the file's lock: the next pickup waits for it.
 *
 * Once a week it is written anew without what has not been listed for weeks.
 */
#ifndef LONTAR_PICKUP_SEEN_H
#define LONTAR_PICKUP_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "net/digest.h"

enum seen_kind {
	SEEN_FETCHED = 'f', /* durable here */
	SEEN_LARGE = 'l',   /* its recipient was told of it; it stays there */
	SEEN_LEFT = 's',    /* not to be fetched: a loop, or it never ends */
	SEEN_GONE = 'g',    /* of the file alone: the key is forgotten */
};

struct seen_entry {
	enum seen_kind kind;
	char key[DIGEST_TEXT_MAX];
	char digest[DIGEST_TEXT_MAX];
	int64_t when;
	int64_t listed;
	uint64_t octets;                /* as the server said */
	char identity[DIGEST_TEXT_MAX]; /* of Message-ID, Date and octets; or empty */
	bool is_listed;                 /* now */
};

struct seen;

/* NULL and err: what is there cannot be read; then nothing may be fetched. */
struct seen *seen_open(int root_fd, const char *name, struct err *err) MUST_USE;
void seen_close(struct seen *seen); /* NULL does nothing */

/* Of a mailbox (a digest of server, login and folder): another one than it was? */
bool seen_is_of_another(const struct seen *seen, const char *mailbox);
/* It is from now on. Not synced. */
bool seen_set_mailbox(struct seen *seen, const char *mailbox, struct err *err) MUST_USE;

/* Messages that may still be there, about. */
size_t seen_count(const struct seen *seen);
/* The last one with this key; NULL: none. Borrowed until the next add. */
struct seen_entry *seen_find(const struct seen *seen, const char *key);
/* The last one that is still there under its key, or was when it was listed; NULL: none.
 * Borrowed likewise. */
const struct seen_entry *seen_find_identity(const struct seen *seen,
					    const char *identity);
/* Something with these contents was fetched. */
bool seen_has_digest(const struct seen *seen, const char *digest);

/* A line to be appended by whoever makes its message durable: to seen_fd. */
struct seen_line {
	char text[224];
	size_t len;
	uint64_t at; /* where it comes to stand */
};
void seen_compose(const struct seen *seen, const struct seen_entry *entry,
		  struct seen_line *line_out);
int seen_fd(const struct seen *seen); /* borrowed */
/* As seen_add, where that has not appended it. */
bool seen_confirm(struct seen *seen, const struct seen_entry *entry,
		  const struct seen_line *line, struct err *err) MUST_USE;

/* Appends; not synced. */
bool seen_add(struct seen *seen, const struct seen_entry *entry,
	      struct err *err) MUST_USE;
bool seen_sync(struct seen *seen, struct err *err) MUST_USE;

/* Its message is gone at the server. Not synced: what is lost of it is found again. */
bool seen_forget(struct seen *seen, const char *key, struct err *err) MUST_USE;
/* All that is listed has been marked: the same for what was fetched until then and is not
 * listed. */
bool seen_forget_unlisted(struct seen *seen, int64_t fetched_until,
			  struct err *err) MUST_USE;

/* All that is listed has been marked: writes the file anew where it is time. */
bool seen_tidy(struct seen *seen, int64_t now, struct err *err) MUST_USE;

#endif
