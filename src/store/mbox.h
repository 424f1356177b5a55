/*
 * Delivery to the end of an mbox (mboxrd, mbox(5)): "From SENDER DATE" in front, ">"
 * before each line that begins with any number of ">" and "From ", an empty line behind.
 *
 * Locked twice, since readers differ: FILE.lock beside it (where that folder may be
 * written) and fcntl. Nothing is left of a delivery that fails: the file is cut back to
 * what it was.
 */
#ifndef STORE_MBOX_H
#define STORE_MBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/letter.h"

#define MBOX_LOCK_WAIT_MS 30000

/* An mbox, open and locked. */
struct mbox {
	int fd;
	int folder_fd;
	char lock[256]; /* FILE.lock in folder, while it is ours; else "" */
	bool is_new;
};

/* path: below home_fd, or absolute; made where it is missing. It must be a regular file
 * of our own with no other name: no link of either kind. Temporary err. */
bool mbox_open(int home_fd, const char *path, int wait_ms, struct mbox *mbox_out,
	       struct err *err) MUST_USE;
void mbox_close(struct mbox *mbox);

/* Durably, or not at all. sender "" is MAILER-DAEMON. */
bool mbox_append(const struct mbox *mbox, const char *sender, int64_t now,
		 const struct letter *letter, struct err *err) MUST_USE;

/* open, append, close. */
bool mbox_deliver(int home_fd, const char *path, const char *sender,
		  const struct letter *letter, struct err *err) MUST_USE;

/* "From SENDER Sun Nov 22 12:30:01 2026\n", in UTC; blanks in sender become "-". */
bool mbox_from_line(struct buf *out, const char *sender, int64_t now) MUST_USE;

#endif
