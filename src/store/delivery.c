#include "store/delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/address.h"
#include "mail/envelope.h"
#include "mail/wire.h"
#include "store/incoming.h"
#include "store/parked.h"

#define HEAD_MAX ((size_t)1024 * 1024)

struct delivery *delivery_new(int root_fd, const char *sender)
{
	struct delivery *delivery = must_alloc(sizeof(*delivery));

	*delivery = (struct delivery){ .root_fd = root_fd,
				       .sender = must_copy(sender),
				       .head = BUF_INIT(HEAD_MAX) };
	return delivery;
}

void delivery_free(struct delivery *delivery)
{
	if (!delivery)
		return;
	for (size_t i = 0; i < delivery->count; i++) {
		struct delivery_target *target = &delivery->targets[i];

		file_close(&target->file_fd);
		file_close(&target->folder_fd);
		free(target->recipients);
		free(target->name);
	}
	for (size_t i = 0; i < delivery->address_count; i++)
		free(delivery->addresses[i]);
	free(delivery->addresses);
	free(delivery->targets);
	free(delivery->sender);
	buf_clear(&delivery->head);
	free(delivery);
}

static struct delivery_target *add_target(struct delivery *delivery,
					  enum delivery_kind kind, const char *name)
{
	struct delivery_target *target;

	delivery->targets = must_resize(delivery->targets, delivery->count + 1,
					sizeof(*delivery->targets));
	target = &delivery->targets[delivery->count++];
	*target = (struct delivery_target){
		.kind = kind, .name = must_copy(name), .file_fd = -1, .folder_fd = -1
	};
	return target;
}

static bool same_domain(const struct delivery_target *target, const char *recipient)
{
	return strcasecmp(address_domain(target->recipients[0]),
			  address_domain(recipient)) == 0;
}

static struct delivery_target *find_target(const struct delivery *delivery,
					   enum delivery_kind kind, const char *name,
					   const char *of_domain)
{
	for (size_t i = 0; i < delivery->count; i++) {
		struct delivery_target *target = &delivery->targets[i];

		if (target->kind == kind && strcmp(target->name, name) == 0 &&
		    (kind == DELIVERY_MAILBOX ||
		     target->count < ENVELOPE_RECIPIENTS_MAX) &&
		    (!of_domain || same_domain(target, of_domain)))
			return target;
	}
	return NULL;
}

static bool has_parked(const struct delivery *delivery, const char *name,
		       const char *recipient)
{
	for (size_t i = 0; i < delivery->count; i++) {
		const struct delivery_target *target = &delivery->targets[i];

		if (target->kind != DELIVERY_PARKED || strcmp(target->name, name) != 0)
			continue;
		for (size_t j = 0; j < target->count; j++)
			if (strcmp(target->recipients[j], recipient) == 0)
				return true;
	}
	return false;
}

static bool add(struct delivery *delivery, enum delivery_kind kind, const char *name,
		const char *recipient, const char *of_domain)
{
	struct delivery_target *target = find_target(delivery, kind, name, of_domain);
	char *address;

	if (kind == DELIVERY_MAILBOX ? target != NULL
				     : has_parked(delivery, name, recipient))
		return false;
	if (!target)
		target = add_target(delivery, kind, name);
	address = must_copy(recipient);
	delivery->addresses = must_resize(delivery->addresses,
					  delivery->address_count + 1, sizeof(char *));
	delivery->addresses[delivery->address_count++] = address;
	target->recipients =
		must_resize(target->recipients, target->count + 1, sizeof(char *));
	target->recipients[target->count++] = address;
	return true;
}

bool delivery_add(struct delivery *delivery, enum delivery_kind kind, const char *name,
		  const char *recipient)
{
	return add(delivery, kind, name, recipient, NULL);
}

bool delivery_add_by_domain(struct delivery *delivery, const char *smarthost,
			    const char *recipient)
{
	return add(delivery, DELIVERY_PARKED, smarthost, recipient, recipient);
}
/* Mailboxes first: the draft is theirs, and every parked target copies what follows its
 * head. Of parked targets alone the first gets the draft. */
static int mailboxes_first(const void *one, const void *other)
{
	const struct delivery_target *a = one, *b = other;

	return (a->kind == DELIVERY_PARKED) - (b->kind == DELIVERY_PARKED);
}

static bool write_head(struct delivery *delivery, struct span trace, struct err *err)
{
	const struct delivery_target *first = &delivery->targets[0];
	bool shared = first->kind == DELIVERY_MAILBOX && delivery->count > 1;
	bool fits = envelope_append(&delivery->head, delivery->sender, first->recipients,
				    shared ? 0 : first->count);

	delivery->trace = delivery->head.len;
	if (fits && buf_append_span(&delivery->head, trace))
		return true;
	return err_temporary(err, "4.5.3", "the envelope is too long");
}

int delivery_open(struct delivery *delivery, const char *host, struct span trace,
		  uint64_t size, struct err *err)
{
	struct stat st;
	int fd;

	/* An earlier try may have failed half-way. */
	file_close(&delivery->targets[0].file_fd);
	buf_reset(&delivery->head);
	qsort(delivery->targets, delivery->count, sizeof(*delivery->targets),
	      mailboxes_first);
	maildir_unique(host, delivery->id);
	for (size_t i = 0; i < delivery->count; i++) {
		struct delivery_target *target = &delivery->targets[i];

		if (i == 0 || target->kind == DELIVERY_MAILBOX)
			snprintf(target->id, sizeof(target->id), "%s", delivery->id);
		else
			maildir_unique(host, target->id);
	}
	if (!incoming_has_room(delivery->root_fd, size, err) ||
	    !write_head(delivery, trace, err))
		return -1;
	fd = incoming_create(delivery->root_fd, delivery->id,
			     &delivery->targets[0].file_fd, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0)
		delivery->inode = st.st_ino;
	if (file_write(fd, delivery->head.data, delivery->head.len, err))
		return fd;
	delivery_undo(delivery);
	file_close(&fd);
	return -1;
}

/* A read lease is refused while anyone has the file open for writing, also through a
 * descriptor that is still under way in a socket. */
static bool no_writer_left(int fd, struct err *err)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) {
		if (errno == EAGAIN)
			return err_temporary(err, "4.3.0",
					     "the message is still being written");
		return err_errno(err, "lease on a draft");
	}
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return true;
}

static bool head_stands(const struct delivery *delivery, int fd, uint64_t bytes,
			struct err *err)
{
	AUTO_BUF found = BUF_INIT(HEAD_MAX);
	size_t len = delivery->head.len;
	struct stat st;
	char *room = buf_reserve(&found, len);

	if (fstat(fd, &st) != 0)
		return err_errno(err, "look at a draft");
	if ((uint64_t)st.st_size == len + bytes &&
	    pread(fd, room, len, 0) == (ssize_t)len &&
	    memcmp(room, delivery->head.data, len) == 0)
		return true;
	return err_temporary(err, "4.3.0", "the draft is not what its writer says");
}

static uint64_t count_lines(struct span text)
{
	uint64_t lines = 0;
	struct span piece;

	while (span_cut(&text, '\n', &piece))
		lines++;
	return lines - 1;
}

bool delivery_recount(const struct delivery *delivery, uint64_t lines, bool unended,
		      struct err *err)
{
	char piece[32 * 1024], last = '\n';
	off_t at = (off_t)delivery->head.len;
	uint64_t found = 0;
	ssize_t got;

	while ((got = pread(delivery->targets[0].file_fd, piece, sizeof(piece), at)) >
	       0) {
		for (ssize_t i = 0; i < got; i++) {
			if (piece[i] == '\n' && last == '\r')
				return err_temporary(err, "4.3.0",
						     "a line of the draft ends in CR LF");
			last = piece[i];
			found += last == '\n';
		}
		at += got;
	}
	if (got < 0)
		return err_errno(err, "read a draft");
	if (found == lines && unended == (last != '\n'))
		return true;
	return err_temporary(err, "4.3.0", "the draft is not what its writer says");
}

/* A parked target's own file: its envelope, then what every copy has. */
static bool make_copy(struct delivery *delivery, struct delivery_target *target,
		      struct err *err)
{
	AUTO_BUF head = BUF_INIT(HEAD_MAX);
	AUTO_FD fd = -1;

	if (!envelope_append(&head, delivery->sender, target->recipients, target->count))
		return err_temporary(err, "4.5.3", "the envelope is too long");
	fd = incoming_create(delivery->root_fd, target->id, &target->file_fd, err);
	return fd >= 0 && file_write(fd, head.data, head.len, err) &&
	       file_copy(delivery->targets[0].file_fd, (off_t)delivery->trace,
			 delivery->head.len - delivery->trace + delivery->bytes, fd, err);
}

/* The final name's facts, below the folder that finally holds it. */
static void name_target(const struct delivery *delivery, struct delivery_target *target,
			uint64_t link_up_s)
{
	struct parked_name name = { .wire_bytes = target->wire_bytes,
				    .recipients = (unsigned)target->count,
				    .priority = delivery->priority,
				    .link_up_s = link_up_s ? link_up_s : 1,
				    .state = PARKED_WAITING };
	struct stat st;

	if (target->file_fd >= 0 && fstat(target->file_fd, &st) == 0)
		name.disk_bytes = (uint64_t)st.st_size;
	memcpy(name.id, target->id, sizeof(name.id));
	if (target->kind == DELIVERY_MAILBOX) {
		name.recipients = 1;
		name.priority = 0;
		name.link_up_s = 0;
	}
	parked_name_format(&name, target->path);
}

/* The flusher may be another user: what is parked belongs to the group of spool/parked.
 * Before the sync, so that a power cut cannot leave a file the flusher may not read. */
static void give_to_flusher(const struct delivery *delivery,
			    const struct delivery_target *target)
{
	struct stat folder, file;

	if (fstatat(delivery->root_fd, "spool/parked", &folder, 0) == 0 &&
	    fstat(target->file_fd, &file) == 0 && folder.st_gid != file.st_gid &&
	    fchown(target->file_fd, (uid_t)-1, folder.st_gid) == 0)
		fchmod(target->file_fd, 0660);
}

bool delivery_seal(struct delivery *delivery, uint64_t bytes, uint64_t lines,
		   bool unended, uint64_t link_up_s, struct err *err)
{
	struct span head = buf_span(&delivery->head);
	struct span trace = span_after(head, delivery->trace);
	struct delivery_target *first = &delivery->targets[0];

	delivery->bytes = bytes;
	if (!no_writer_left(first->file_fd, err) ||
	    !head_stands(delivery, first->file_fd, bytes, err))
		return false;
	for (size_t i = 0; i < delivery->count; i++) {
		struct delivery_target *target = &delivery->targets[i];
		struct span shown = target->kind == DELIVERY_MAILBOX ? head : trace;

		target->wire_bytes =
			wire_size(shown.len + bytes, count_lines(shown) + lines, unended);
		if (i > 0 && target->kind == DELIVERY_PARKED &&
		    !make_copy(delivery, target, err))
			return false;
		if (target->kind == DELIVERY_PARKED)
			give_to_flusher(delivery, target);
		name_target(delivery, target, link_up_s);
		if (i > 0 && target->kind == DELIVERY_MAILBOX)
			memcpy(target->path, first->path, sizeof(target->path));
	}
	return true;
}

/* Opens the target's Maildir, making it where it is missing: a parked one at the first
 * message of a route, a mailbox whose owner removed it. */
static int open_maildir(const struct delivery *delivery,
			const struct delivery_target *target, struct err *err)
{
	static const char *const folders[] = { "", "/Maildir", "/Maildir/tmp",
					       "/Maildir/new", "/Maildir/cur" };
	char path[MAILDIR_NAME_MAX];
	struct parked *parked;
	int fd;

	if (target->kind == DELIVERY_PARKED)
		snprintf(path, sizeof(path), "spool/parked/%s/new", target->name);
	else
		snprintf(path, sizeof(path), "mail/%s/Maildir/new", target->name);
	fd = file_open_dir(delivery->root_fd, path, err);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (target->kind == DELIVERY_PARKED) {
		parked = parked_open(delivery->root_fd, target->name, true, err);
		if (!parked)
			return -1;
		parked_close(parked);
	} else {
		for (size_t i = 0; i < LENGTH(folders); i++) {
			char folder[MAILDIR_NAME_MAX];

			snprintf(folder, sizeof(folder), "mail/%s%s", target->name,
				 folders[i]);
			if (!file_make_dir(delivery->root_fd, folder, 0700, err) ||
			    !incoming_give(delivery->root_fd, folder, err))
				return -1;
		}
	}
	return file_open_dir(delivery->root_fd, path, err);
}

static bool place_one(struct delivery *delivery, size_t i, struct err *err)
{
	struct delivery_target *target = &delivery->targets[i];
	const char *name = target->path + strlen("new/");
	char draft[MAILDIR_NAME_MAX];
	bool move = i == 0 || target->kind == DELIVERY_PARKED;

	incoming_path(target->id, draft);
	if (move ? renameat2(delivery->root_fd, draft, target->folder_fd, name,
			     RENAME_NOREPLACE) == 0
		 : linkat(delivery->root_fd, draft, target->folder_fd, name, 0) == 0)
		return target->placed = true;
	if (errno == EXDEV)
		return err_temporary(err, "4.3.5",
				     "%s is on another disk than spool/: put both on one",
				     target->name);
	return err_errno(err, "deliver to %s", target->name);
}

bool delivery_place(struct delivery *delivery, struct err *err)
{
	for (size_t i = 0; i < delivery->count; i++) {
		struct delivery_target *target = &delivery->targets[i];

		target->folder_fd = open_maildir(delivery, target, err);
		if (target->folder_fd < 0)
			return false;
	}
	/* Last to first: the draft is moved away when the links to it exist. */
	for (size_t i = delivery->count; i-- > 0;)
		if (!place_one(delivery, i, err))
			return false;
	return true;
}

bool delivery_commit_alone(struct delivery *delivery, struct err *err)
{
	bool done = true;

	for (size_t i = 0; done && i < delivery->count; i++)
		if (delivery->targets[i].file_fd >= 0)
			done = file_sync(delivery->targets[i].file_fd,
					 delivery->targets[i].id, err);
	done = done && delivery_place(delivery, err);
	for (size_t i = 0; done && i < delivery->count; i++)
		done = file_sync_dir(delivery->targets[i].folder_fd,
				     delivery->targets[i].name, err);
	if (!done)
		delivery_undo(delivery);
	return done;
}

void delivery_undo(struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->count; i++) {
		struct delivery_target *target = &delivery->targets[i];
		char draft[MAILDIR_NAME_MAX];

		if (target->placed)
			unlinkat(target->folder_fd, target->path + strlen("new/"), 0);
		target->placed = false;
		incoming_path(target->id, draft);
		unlinkat(delivery->root_fd, draft, 0);
	}
}
