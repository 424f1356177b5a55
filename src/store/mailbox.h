/*
 * A user's mailbox: mail/USER/Maildir, or a Maildir in the home of a user of the system,
 * listed, read and emptied.
 *
 * A listing is a snapshot, in order of arrival; its numbers stay. Other programs may move
 * a message from new/ to cur/ or change its flags meanwhile: it is found again by its id
 * (mail/maildir.h). What others have removed is gone without harm.
 */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

struct mailbox;

/* No symbolic link is followed below mail/. NULL and err; EX_NOINPUT: there is none yet
 * (the first delivery makes it). */
struct mailbox *mailbox_open(int root_fd, const char *user, struct err *err) MUST_USE;
/* Any Maildir, below home_fd or absolute, for who is its owner already. */
struct mailbox *mailbox_open_at(int home_fd, const char *path, struct err *err) MUST_USE;
void mailbox_close(struct mailbox *mailbox); /* unlocks too; NULL does nothing */

/* Whose it is: who the program should become before it touches what is inside. */
void mailbox_owner(const struct mailbox *mailbox, uid_t *uid_out, gid_t *gid_out);

/* For one reader at a time (RFC 1939 section 4), without waiting; EX_TEMPFAIL: another
 * has it. Deliveries and IMAP readers do not ask for it. */
bool mailbox_lock(struct mailbox *mailbox, struct err *err) MUST_USE;
void mailbox_unlock(struct mailbox *mailbox);

/* Takes the snapshot. A file without W= in its name is read once, to count. */
bool mailbox_list(struct mailbox *mailbox, struct err *err) MUST_USE;
size_t mailbox_count(const struct mailbox *mailbox);
/* As RETR sends it, see wire_size in mail/wire.h. */
uint64_t mailbox_octets(const struct mailbox *mailbox, size_t index);

/* The message's id, or what stands for one that no POP3 reply may have: 1 to 70 visible
 * bytes, always the same for the same file. Only before the first read or remove. */
#define MAILBOX_UID_MAX 71
const char *mailbox_uid(const struct mailbox *mailbox, size_t index,
			char uid_out[MAILBOX_UID_MAX]);

/* A descriptor to read from, the caller's; -1 and err, EX_NOINPUT: it is gone. */
int mailbox_read(struct mailbox *mailbox, size_t index, struct err *err) MUST_USE;

/* Not synced; what is gone already counts as removed. */
bool mailbox_remove(struct mailbox *mailbox, size_t index, struct err *err) MUST_USE;
/* What was removed stays so when this returns. */
bool mailbox_sync(struct mailbox *mailbox, struct err *err) MUST_USE;

#endif
