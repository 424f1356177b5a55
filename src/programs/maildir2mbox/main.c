/*
 * maildir2mbox: moves what is in the Maildir $MAILDIR to the end of the mbox $MAIL,
 * oldest first, for mail readers that know only that. ($MAILTMP, which qmail's needs, is
 * not used: the mbox is cut back where a message cannot be written whole.) A crash in
 * between leaves messages in both, never in neither.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "deliver/qmail_command.h"
#include "mail/address.h"
#include "mail/header.h"
#include "store/mbox.h"

#define HEAD_BYTES ((size_t)16 * 1024)

struct one {
	char *path; /* new/... or cur/... */
	struct timespec time;
	bool moved;
};

struct all {
	int fd; /* of the Maildir */
	struct one *ones;
	size_t count;
};

static bool list(struct all *all, const char *folder, struct err *err)
{
	int fd = openat(all->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!dir) {
		err_errno(err, "list %s", folder);
		file_close(&fd);
		return false;
	}
	while ((entry = readdir(dir))) {
		AUTO_BUF path = BUF_INIT(1024);

		if (entry->d_name[0] == '.' ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode) ||
		    !buf_appendf(&path, "%s/%s", folder, entry->d_name))
			continue;
		all->ones = must_resize(all->ones, all->count + 1, sizeof(*all->ones));
		all->ones[all->count++] =
			(struct one){ .path = buf_take(&path), .time = st.st_mtim };
	}
	closedir(dir);
	return true;
}

static int by_time(const void *one, const void *other)
{
	const struct timespec *a = &((const struct one *)one)->time;
	const struct timespec *b = &((const struct one *)other)->time;

	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return (a->tv_nsec > b->tv_nsec) - (a->tv_nsec < b->tv_nsec);
}

/* The sender as the Return-Path line has it; "XXX" where there is none. */
static void find_sender(int fd, char sender_out[ADDRESS_MAX])
{
	AUTO_BUF head = BUF_INIT(HEAD_BYTES);
	char *room = buf_reserve(&head, HEAD_BYTES);
	ssize_t got = pread(fd, room, HEAD_BYTES, 0);
	struct header_field field;
	struct span value;
	struct err ignored;

	snprintf(sender_out, ADDRESS_MAX, "XXX");
	if (got <= 0)
		return;
	buf_wrote(&head, (size_t)got);
	if (!header_find(buf_span(&head), "Return-Path", &field))
		return;
	value = span_trim(field.value);
	if (!address_take_path(&value, sender_out, &ignored))
		snprintf(sender_out, ADDRESS_MAX, "XXX");
}

static bool move(const struct all *all, struct one *one, const struct mbox *mbox,
		 struct err *err)
{
	AUTO_FD fd = openat(all->fd, one->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct letter letter = { .head = { "", 0 }, .fd = fd };
	char sender[ADDRESS_MAX];
	struct stat st;

	/* A reader took or moved it meanwhile: it is his. */
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_errno(err, "open %s", one->path);
	letter.bytes = (uint64_t)st.st_size;
	find_sender(fd, sender);
	one->moved = mbox_append(mbox, sender, one->time.tv_sec, &letter, err);
	return one->moved;
}

static bool move_all(struct all *all, const char *mail, struct err *err)
{
	struct mbox mbox;
	bool fine;

	fine = list(all, "new", err) && list(all, "cur", err);
	if (!fine || !all->count)
		return fine;
	qsort(all->ones, all->count, sizeof(*all->ones), by_time);
	if (!mbox_open(AT_FDCWD, mail, MBOX_LOCK_WAIT_MS, &mbox, err))
		return false;
	for (size_t i = 0; fine && i < all->count; i++)
		fine = move(all, &all->ones[i], &mbox, err);
	for (size_t i = 0; i < all->count; i++)
		if (all->ones[i].moved)
			unlinkat(all->fd, all->ones[i].path, 0);
	mbox_close(&mbox);
	return fine;
}

int main(void)
{
	const char *maildir = getenv("MAILDIR"), *mail = getenv("MAIL");
	struct all all = { .fd = -1 };
	struct err err = { 0 };
	bool done;

	umask(077);
	if (!maildir || !mail) {
		fprintf(stderr, "maildir2mbox: MAILDIR and MAIL are not both set\n");
		return QMAIL_EXIT_LATER;
	}
	all.fd = file_open_dir(AT_FDCWD, maildir, &err);
	done = all.fd >= 0 && move_all(&all, mail, &err);
	for (size_t i = 0; i < all.count; i++)
		free(all.ones[i].path);
	free(all.ones);
	file_close(&all.fd);
	err.kind = ERR_TEMPORARY;
	return done ? 0 : qmail_command_fail("maildir2mbox", &err);
}
