/*
 * qmail's queue: mess/S/ID is the message; todo/ID its envelope until it was
 * preprocessed, from then on info/S/ID (sender), local/S/ID and remote/S/ID (recipients,
 * "T" to do, "D" done) and bounce/ID (failures not told yet). Some patches split todo and
 * bounce too.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/routes.h"
#include "import/names.h"
#include "import/qmail.h"
#include "import/queued.h"
#include "import/waiting.h"
#include "mail/address.h"

#define ENVELOPE_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct queue {
	struct import *import;
	struct waiting *waiting;
	const struct settings *own;
	int fd;
	size_t unfinished; /* never acknowledged by qmail-queue */
};

struct place {
	char split[40]; /* "7/", or "" where the queue is not split */
	char id[32];
};

/* FOLDER/[S/]ID into text; *found_out. */
static bool read_part(const struct queue *queue, const char *path, struct buf *text,
		      bool *found_out, struct err *err)
{
	return file_read_if_any(queue->fd, path, text, found_out, err) ||
	       err_context(err, "queue");
}

static bool read_split(const struct queue *queue, const char *folder,
		       const struct place *place, struct buf *text, bool *found_out,
		       struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s%s", folder, place->split, place->id);
	return read_part(queue, path, text, found_out, err);
}

/* What some patches split and others do not. */
static bool read_either(const struct queue *queue, const char *folder,
			const struct place *place, struct buf *text, bool *found_out,
			struct err *err)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, place->id);
	if (!read_part(queue, path, text, found_out, err))
		return false;
	return *found_out || read_split(queue, folder, place, text, found_out, err);
}

/* "user-box@host" as virtualdomains made it of box@host: put back, since our own routes
 * are to say what becomes of it. */
static void put_back(const struct settings *own, const char *address,
		     char out[ADDRESS_MAX])
{
	char made[ADDRESS_MAX];
	const char *end = address + address_local(address).len;
	const char *line;

	for (const char *dash = address; dash < end; dash++) {
		size_t len = (size_t)(end - address);

		if (*dash != '-')
			continue;
		if (!routes_virtual(own, dash + 1, made, sizeof(made), &line) ||
		    strlen(made) != len || memcmp(made, address, len) != 0)
			continue;
		snprintf(out, ADDRESS_MAX, "%s", dash + 1);
		return;
	}
	snprintf(out, ADDRESS_MAX, "%s", address);
}

/* info, and local and remote: NUL-ended records. */
static bool take_records(const struct queue *queue, struct span text,
			 struct queued *queued)
{
	char address[ADDRESS_MAX];
	struct span record;

	while (text.len && memchr(text.at, '\0', text.len) &&
	       span_cut(&text, '\0', &record)) {
		if (!record.len)
			continue;
		if (record.len > ADDRESS_MAX)
			return false;
		if (record.at[0] == 'F')
			queued_sender(queued, span_after(record, 1));
		if (record.at[0] != 'T')
			continue;
		put_back(queue->own, record.at + 1, address);
		queued_recipient(queued, span_of(address));
	}
	return text.len == 0;
}

/* bounce/ID: "<address>:" and some lines, then an empty one. */
static bool take_failures(const struct queue *queue, struct span text,
			  const struct waiting_message *message, struct err *err)
{
	struct span line;

	while (text.len && span_cut(&text, '\n', &line)) {
		AUTO_BUF why = BUF_INIT((size_t)64 * 1024);
		char address[ADDRESS_MAX];

		if (line.len < 4 || line.at[0] != '<' || line.at[line.len - 2] != '>')
			continue;
		snprintf(address, sizeof(address), "%.*s", (int)line.len - 3,
			 line.at + 1);
		while (text.len && span_cut(&text, '\n', &line) && line.len)
			if (!buf_appendf(&why, "%s%.*s", why.len ? " " : "",
					 SPAN_ARG(line)))
				break;
		if (!waiting_bounce(queue->waiting, message, address, why.data, err))
			return false;
	}
	return true;
}

/* qmail's VERP: "list-owner-@host-@[]" becomes one sender a recipient. message's sender
 * is without its end. */
static bool add_verp(const struct queue *queue, const struct waiting_message *message,
		     struct err *err)
{
	bool done = true;

	for (size_t i = 0; done && i < message->recipients->count; i++) {
		const char *recipient = message->recipients->lines[i];
		struct settings_list one = { 0 };
		struct waiting_message his = *message;
		char sender[ADDRESS_MAX];
		int len = snprintf(sender, sizeof(sender), "%.*s%.*s=%s@%s",
				   SPAN_ARG(address_local(message->sender)),
				   SPAN_ARG(address_local(recipient)),
				   address_domain(recipient),
				   address_domain(message->sender));

		settings_list_add(&one, span_of(recipient), 0);
		if ((size_t)len < sizeof(sender))
			his.sender = sender;
		his.recipients = &one;
		done = waiting_add(queue->waiting, &his, err);
		settings_list_clear(&one);
	}
	return done;
}

static bool is_verp(const char *sender)
{
	size_t len = strlen(sender);

	return len > 5 && strcmp(sender + len - 4, "-@[]") == 0 && strchr(sender, '@') &&
	       strchr(sender, '@') < sender + len - 4;
}

static bool hand_in(const struct queue *queue, const struct place *place,
		    const struct queued *queued, const struct buf *failures,
		    struct err *err)
{
	struct waiting_message message = { .sender = queued->sender,
					   .recipients = &queued->recipients };
	char path[128], key[200], plain[ADDRESS_MAX];
	AUTO_FD fd = -1;
	struct stat st;

	snprintf(path, sizeof(path), "mess/%s%s", place->split, place->id);
	fd = openat(queue->fd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_errno(err, "open queue/%s", path);
	/* The number is used again for other messages, but not in the same second. */
	snprintf(key, sizeof(key), "qmail %s %" PRId64 " %" PRId64, place->id,
		 (int64_t)st.st_mtime, (int64_t)st.st_size);
	message.key = key;
	message.fd = fd;
	if (!is_verp(queued->sender))
		return take_failures(queue, buf_span(failures), &message, err) &&
		       waiting_add(queue->waiting, &message, err);
	snprintf(plain, sizeof(plain), "%.*s", (int)(strlen(queued->sender) - 4),
		 queued->sender);
	message.sender = plain;
	return take_failures(queue, buf_span(failures), &message, err) &&
	       add_verp(queue, &message, err);
}

static bool take_message(struct queue *queue, const struct place *place, struct err *err)
{
	static const char *const parts[] = { "info", "local", "remote" };
	AUTO_BUF text = BUF_INIT(ENVELOPE_MAX_BYTES);
	AUTO_BUF failures = BUF_INIT(ENVELOPE_MAX_BYTES);
	struct queued queued = { .sender = NULL };
	bool found, any, read, fine;

	read = read_either(queue, "todo", place, &text, &found, err);
	any = found;
	fine = read && (!found || take_records(queue, buf_span(&text), &queued));
	for (size_t i = 0; read && fine && !any && i < LENGTH(parts); i++) {
		buf_reset(&text);
		read = read_split(queue, parts[i], place, &text, &found, err);
		fine = read && (!found || take_records(queue, buf_span(&text), &queued));
	}
	if (read && !any)
		read = read_either(queue, "bounce", place, &failures, &found, err);
	if (read && !fine)
		waiting_broken(queue->waiting, place->id, "its envelope is torn");
	else if (read && !queued.sender)
		queue->unfinished++;
	else if (read)
		read = hand_in(queue, place, &queued, &failures, err);
	queued_clear(&queued);
	return read;
}

static bool is_id(const char *name)
{
	return name[0] && strspn(name, "0123456789") == strlen(name) && strlen(name) < 25;
}

static bool take_folder(struct queue *queue, const char *split, struct err *err);

static bool take_entry(struct queue *queue, int folder_fd, const char *split,
		       const char *name, struct err *err)
{
	struct place place;
	struct stat st;

	if (!is_id(name) || fstatat(folder_fd, name, &st, 0) != 0)
		return true;
	if (S_ISDIR(st.st_mode))
		return split[0] || take_folder(queue, name, err);
	if (!S_ISREG(st.st_mode))
		return true;
	snprintf(place.split, sizeof(place.split), "%s%s", split, split[0] ? "/" : "");
	snprintf(place.id, sizeof(place.id), "%s", name);
	return take_message(queue, &place, err);
}

/* One folder of mess/; split is "" for mess/ itself. */
static bool take_folder(struct queue *queue, const char *split, struct err *err)
{
	struct settings_list names = { 0 };
	char path[64];
	AUTO_FD fd = -1;
	bool done;

	snprintf(path, sizeof(path), "mess/%s", split);
	fd = file_open_dir(queue->fd, path, err);
	done = fd >= 0 && names_in(fd, "mess", &names, err);
	for (size_t i = 0; done && i < names.count; i++)
		done = take_entry(queue, fd, split, names.lines[i], err);
	settings_list_clear(&names);
	return done;
}

/* qmail-send holds it while it runs. */
static bool take_lock(const struct queue *queue, int *fd_out, struct err *err)
{
	*fd_out = openat(queue->fd, "lock/sendmutex", O_WRONLY | O_CLOEXEC);
	if (*fd_out < 0 || flock(*fd_out, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (queue->import->is_asked)
		return err_exit(err, EX_TEMPFAIL,
				"qmail-send runs: stop it first, or mail is sent twice");
	import_say(queue->import, IMPORT_NOTE, "queue",
		   "qmail-send runs: stop it before you say --yes");
	return true;
}

bool qmail_queue_mail(struct import *import, int queue_fd, const struct settings *own,
		      struct err *err)
{
	struct queue queue = { .import = import, .own = own, .fd = queue_fd };
	AUTO_FD lock = -1;
	bool done;

	if (!take_lock(&queue, &lock, err))
		return false;
	queue.waiting = waiting_open(import, "queue", err);
	if (!queue.waiting)
		return false;
	done = take_folder(&queue, "", err);
	waiting_close(queue.waiting);
	if (queue.unfinished)
		import_say(import, IMPORT_NOTE, "queue",
			   "%zu messages were never finished by whoever wrote them",
			   queue.unfinished);
	return done;
}
