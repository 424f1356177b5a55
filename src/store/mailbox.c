#include "store/mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/wire.h"
#include "store/mailbox_snapshot.h"

#define PIECE        ((size_t)64 * 1024)
#define RELISTS_MAX  3 /* in vain, for one message that somebody keeps renaming */
#define UID_KEPT_MAX 50
#define FNV_OFFSET   0xcbf29ce484222325u
#define FNV_PRIME    0x100000001b3u

struct mailbox {
	int fd; /* the Maildir, whose lock is the mailbox's */
	int new_fd;
	int cur_fd;
	struct snapshot snapshot;
};

static int open_folder(int at, const char *name, struct err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		err_exit(err, EX_NOINPUT, "no folder %s", name);
	else
		err_errno(err, "open folder %s", name);
	return -1;
}

/* new/ or cur/; one that is not there is empty. */
static bool open_part(int at, const char *name, int *fd_out, struct err *err)
{
	*fd_out = open_folder(at, name, err);
	return *fd_out >= 0 || err->exit_code == EX_NOINPUT;
}

static struct mailbox *mailbox_new(void)
{
	struct mailbox *mailbox = must_alloc(sizeof(*mailbox));

	*mailbox = (struct mailbox){ .fd = -1, .new_fd = -1, .cur_fd = -1 };
	return mailbox;
}

static bool open_parts(struct mailbox *mailbox, struct err *err)
{
	return open_part(mailbox->fd, "new", &mailbox->new_fd, err) &&
	       open_part(mailbox->fd, "cur", &mailbox->cur_fd, err);
}

struct mailbox *mailbox_open(int root_fd, const char *user, struct err *err)
{
	struct mailbox *mailbox;
	AUTO_FD mail_fd = -1;
	AUTO_FD user_fd = -1;

	if (!user[0] || user[0] == '.' || strchr(user, '/')) {
		err_exit(err, EX_USAGE, "no mailbox can be called \"%s\"", user);
		return NULL;
	}
	mailbox = mailbox_new();
	if ((mail_fd = file_open_dir(root_fd, "mail", err)) >= 0 &&
	    (user_fd = open_folder(mail_fd, user, err)) >= 0 &&
	    (mailbox->fd = open_folder(user_fd, "Maildir", err)) >= 0 &&
	    open_parts(mailbox, err))
		return mailbox;
	err_context(err, "mailbox of %s", user);
	mailbox_close(mailbox);
	return NULL;
}

struct mailbox *mailbox_open_at(int home_fd, const char *path, struct err *err)
{
	struct mailbox *mailbox = mailbox_new();

	mailbox->fd = openat(home_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mailbox->fd >= 0 && open_parts(mailbox, err))
		return mailbox;
	if (mailbox->fd < 0 && errno == ENOENT)
		err_exit(err, EX_NOINPUT, "no folder %s", path);
	else if (mailbox->fd < 0)
		err_errno(err, "open folder %s", path);
	mailbox_close(mailbox);
	return NULL;
}

void mailbox_close(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	file_close(&mailbox->fd);
	file_close(&mailbox->new_fd);
	file_close(&mailbox->cur_fd);
	snapshot_clear(&mailbox->snapshot);
	free(mailbox);
}

void mailbox_owner(const struct mailbox *mailbox, uid_t *uid_out, gid_t *gid_out)
{
	struct stat st;

	*uid_out = geteuid();
	*gid_out = getegid();
	if (fstat(mailbox->fd, &st) != 0)
		return;
	*uid_out = st.st_uid;
	*gid_out = st.st_gid;
}

bool mailbox_lock(struct mailbox *mailbox, struct err *err)
{
	if (flock(mailbox->fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK)
		return err_errno(err, "lock the mailbox");
	return err_exit(err, EX_TEMPFAIL, "another session has this mailbox");
}

void mailbox_unlock(struct mailbox *mailbox)
{
	flock(mailbox->fd, LOCK_UN);
}

static int open_entry(const struct mailbox *mailbox, const struct snapshot_entry *entry,
		      struct err *err)
{
	char name[MAILDIR_NAME_MAX];
	struct stat st;
	int fd;

	snapshot_name(&mailbox->snapshot, entry, name);
	/* O_NONBLOCK: for a FIFO that somebody put there. */
	fd = openat(entry->in_cur ? mailbox->cur_fd : mailbox->new_fd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		if (errno == ENOENT)
			err_exit(err, EX_NOINPUT, "the message is gone");
		else
			err_errno(err, "open %s", name);
	} else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		err_permanent(err, "", "%s is not a file", name);
		file_close(&fd);
	}
	return fd;
}

/* Octets on the wire, by doing what will be done. False: it cannot be read. */
static bool count_octets(int fd, uint64_t *octets_out)
{
	struct wire_encoder encoder = { .stuff_dots = false };
	AUTO_BUF wire = BUF_INIT(2 * PIECE + 2);
	AUTO_BUF piece = BUF_INIT(PIECE);
	char *room = buf_reserve(&piece, PIECE);
	ssize_t got = 1;

	*octets_out = 0;
	while (room && got != 0) {
		got = read(fd, room, PIECE);
		if (got < 0 && errno != EINTR)
			return false;
		if (got > 0 &&
		    !wire_encode(&encoder, (struct span){ room, (size_t)got }, &wire))
			return false;
		*octets_out += wire.len;
		buf_reset(&wire);
	}
	if (!wire_finish(&encoder, &wire))
		return false;
	*octets_out += wire.len;
	return true;
}

bool mailbox_list(struct mailbox *mailbox, struct err *err)
{
	snapshot_clear(&mailbox->snapshot);
	if (!snapshot_take(&mailbox->snapshot, mailbox->new_fd, mailbox->cur_fd, err))
		return false;
	for (size_t i = 0; i < mailbox->snapshot.count; i++) {
		struct snapshot_entry *entry = &mailbox->snapshot.all[i];
		AUTO_FD fd = -1;
		struct err ignored;

		if (entry->sized)
			continue;
		/* One that cannot be read is listed as empty, and says so when read. */
		fd = open_entry(mailbox, entry, &ignored);
		if (fd < 0 || !count_octets(fd, &entry->octets))
			entry->octets = 0;
	}
	return true;
}

size_t mailbox_count(const struct mailbox *mailbox)
{
	return mailbox->snapshot.count;
}

uint64_t mailbox_octets(const struct mailbox *mailbox, size_t index)
{
	return mailbox->snapshot.all[index].octets;
}

const char *mailbox_uid(const struct mailbox *mailbox, size_t index,
			char uid_out[MAILBOX_UID_MAX])
{
	const char *id = snapshot_id(&mailbox->snapshot, &mailbox->snapshot.all[index]);
	size_t len = strlen(id), kept = 0;
	uint64_t hash = FNV_OFFSET;

	for (size_t i = 0; i < len; i++) {
		bool visible = id[i] >= 0x21 && id[i] <= 0x7e;

		hash = (hash ^ (unsigned char)id[i]) * FNV_PRIME;
		if (visible && kept < MAILBOX_UID_MAX - 1)
			uid_out[kept++] = id[i];
	}
	if (kept == len) {
		uid_out[kept] = '\0';
		return uid_out;
	}
	if (kept > UID_KEPT_MAX)
		kept = UID_KEPT_MAX;
	snprintf(uid_out + kept, MAILBOX_UID_MAX - kept, "-%016llx",
		 (unsigned long long)hash);
	return uid_out;
}

/* After somebody moved or removed files: where is everything now? */
static bool relist(struct mailbox *mailbox, struct err *err)
{
	struct snapshot now;

	if (!snapshot_take(&now, mailbox->new_fd, mailbox->cur_fd, err))
		return false;
	snapshot_update(&mailbox->snapshot, &now);
	return true;
}

int mailbox_read(struct mailbox *mailbox, size_t index, struct err *err)
{
	const struct snapshot_entry *entry = &mailbox->snapshot.all[index];

	for (int turn = 0; !entry->gone; turn++) {
		int fd = open_entry(mailbox, entry, err);

		if (fd >= 0 || err->exit_code != EX_NOINPUT || turn == RELISTS_MAX)
			return fd;
		if (!relist(mailbox, err))
			return -1;
	}
	err_exit(err, EX_NOINPUT, "the message is gone");
	return -1;
}

bool mailbox_remove(struct mailbox *mailbox, size_t index, struct err *err)
{
	struct snapshot_entry *entry = &mailbox->snapshot.all[index];

	for (int turn = 0; !entry->gone; turn++) {
		char name[MAILDIR_NAME_MAX];

		snapshot_name(&mailbox->snapshot, entry, name);
		if (unlinkat(entry->in_cur ? mailbox->cur_fd : mailbox->new_fd, name,
			     0) == 0)
			entry->gone = true;
		else if (errno != ENOENT || turn == RELISTS_MAX)
			return err_errno(err, "remove %s", name);
		else if (!relist(mailbox, err))
			return false;
	}
	return true;
}

bool mailbox_sync(struct mailbox *mailbox, struct err *err)
{
	return (mailbox->new_fd < 0 || file_sync_dir(mailbox->new_fd, "new", err)) &&
	       (mailbox->cur_fd < 0 || file_sync_dir(mailbox->cur_fd, "cur", err));
}
