/* Waiting mail of other mailers' queues: which queue it is, and its files one by one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "import/names.h"
#include "import/postfix_file.h"
#include "import/qmail.h"
#include "import/sendmail_file.h"
#include "import/waiting.h"

#define CONTROL_MAX ((size_t)64 * 1024 * 1024)
#define DEPTH_MAX   8 /* of Postfix's hashed folders */
#define KEY_MAX     400

static bool has(int at, const char *name)
{
	return faccessat(at, name, F_OK, AT_EACCESS) == 0;
}

/* The name of a queue file is used again, but not soon for a file of the same number. */
static void make_key(const char *kind, const char *name, const struct stat *st,
		     char key_out[KEY_MAX])
{
	snprintf(key_out, KEY_MAX, "%s %.255s %" PRIu64, kind, name,
		 (uint64_t)st->st_ino);
}

static bool hand_in(struct waiting *waiting, const char *key, const struct queued *queued,
		    int fd, struct err *err)
{
	struct waiting_message message = { .key = key,
					   .sender = queued->sender,
					   .recipients = &queued->recipients,
					   .fd = fd };

	return waiting_add(waiting, &message, err);
}

/* A file that does not make sense is told; what befalls us ends the run. */
static bool excuse(struct waiting *waiting, const char *name, const struct err *err)
{
	if (err->kind == ERR_PERMANENT)
		waiting_broken(waiting, name, err->text);
	return err->kind == ERR_PERMANENT;
}

/* sendmail: qfID in the folder or in qf/, dfID beside it or in df/. */

static int open_body(int queue_fd, const char *id)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "df%s", id);
	fd = openat(queue_fd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "../df/df%s", id);
	return openat(queue_fd, path, O_RDONLY | O_CLOEXEC);
}

static int put_together(int queue_fd, const char *id, const struct buf *header,
			struct err *err)
{
	AUTO_FD body = open_body(queue_fd, id);
	int fd = queued_file(err);
	struct stat st;

	if (fd < 0)
		return -1;
	if (body < 0 || fstat(body, &st) != 0)
		err_permanent(err, "5.6.0", "its body, df%s, cannot be read: %s", id,
			      strerror(errno));
	else if (file_write(fd, header->data, header->len, err) &&
		 file_copy(body, 0, (uint64_t)st.st_size, fd, err))
		return fd;
	file_close(&fd);
	return -1;
}

static bool take_sendmail(struct waiting *waiting, int queue_fd, const char *name,
			  struct err *err)
{
	AUTO_FD control = openat(queue_fd, name, O_RDONLY | O_CLOEXEC);
	AUTO_BUF text = BUF_INIT(CONTROL_MAX);
	AUTO_BUF header = BUF_INIT(CONTROL_MAX);
	struct queued queued = { .sender = NULL };
	struct err why = { 0 };
	char key[KEY_MAX];
	AUTO_FD fd = -1;
	struct stat st;
	bool done;

	/* A sendmail at work on it has it locked. */
	if (control < 0 || flock(control, LOCK_SH | LOCK_NB) != 0) {
		waiting_broken(waiting, name, strerror(errno));
		return true;
	}
	if (fstat(control, &st) != 0 || !file_read(queue_fd, name, &text, &why) ||
	    !sendmail_file_parse(buf_span(&text), &queued, &header, &why) ||
	    (fd = put_together(queue_fd, name + 2, &header, &why)) < 0) {
		queued_clear(&queued);
		return excuse(waiting, name, &why) || (*err = why, false);
	}
	make_key("sendmail", name, &st, key);
	done = hand_in(waiting, key, &queued, fd, err);
	queued_clear(&queued);
	return done;
}

static bool take_sendmail_folder(struct import *import, int fd, struct err *err)
{
	struct waiting *waiting = waiting_open(import, "sendmail's queue", err);
	struct settings_list names = { 0 };
	bool done = waiting && names_in(fd, "the queue", &names, err);

	for (size_t i = 0; done && i < names.count; i++) {
		if (strncmp(names.lines[i], "qf", 2) == 0 && names.lines[i][2])
			done = take_sendmail(waiting, fd, names.lines[i], err);
		else if (strncmp(names.lines[i], "hf", 2) == 0 ||
			 strncmp(names.lines[i], "Qf", 2) == 0)
			waiting_broken(waiting, names.lines[i],
				       "sendmail itself has set it aside");
	}
	settings_list_clear(&names);
	waiting_close(waiting);
	return done;
}

/* Postfix: incoming/, active/ and deferred/, in folders by the first letters. */

static bool put_piece(void *ctx, struct span piece, struct err *err)
{
	return file_write(*(const int *)ctx, piece.at, piece.len, err);
}

static bool parse_postfix(int fd, const struct stat *st, struct queued *queued,
			  int message_fd, struct err *err)
{
	size_t size = (size_t)st->st_size;
	void *file = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	bool done;

	if (file == MAP_FAILED)
		return err_permanent(err, "5.6.0", "it is empty or cannot be read");
	done = postfix_file_parse((struct span){ file, size }, queued, put_piece,
				  &message_fd, err);
	munmap(file, size);
	return done;
}

static bool take_postfix(struct waiting *waiting, int folder_fd, const char *name,
			 const struct stat *st, struct err *err)
{
	AUTO_FD fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC);
	AUTO_FD message = fd < 0 ? -1 : queued_file(err);
	struct queued queued = { .sender = NULL };
	struct err why = { 0 };
	char key[KEY_MAX];
	bool done;

	if (fd < 0)
		return err_errno(err, "open %s", name);
	/* Complete files, and only they, are executable. */
	if (message < 0 || !(st->st_mode & S_IXUSR))
		return message >= 0;
	make_key("postfix", name, st, key);
	done = parse_postfix(fd, st, &queued, message, &why)
		       ? hand_in(waiting, key, &queued, message, err)
		       : excuse(waiting, name, &why) || (*err = why, false);
	queued_clear(&queued);
	return done;
}

static bool take_postfix_folder(struct waiting *waiting, int fd, unsigned depth,
				struct err *err)
{
	struct settings_list names;
	bool done = depth < DEPTH_MAX && names_in(fd, "the queue", &names, err);

	if (!done)
		return depth >= DEPTH_MAX;
	for (size_t i = 0; done && i < names.count; i++) {
		const char *name = names.lines[i];
		struct stat st;

		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			AUTO_FD below = file_open_dir(fd, name, err);

			done = below >= 0 &&
			       take_postfix_folder(waiting, below, depth + 1, err);
		} else if (S_ISREG(st.st_mode)) {
			done = take_postfix(waiting, fd, name, &st, err);
		}
	}
	settings_list_clear(&names);
	return done;
}

/* Postfix's master holds a lock on its pid file. */
static bool postfix_runs(int fd)
{
	AUTO_FD pid = openat(fd, "pid/master.pid", O_RDWR | O_CLOEXEC);

	return pid >= 0 && (flock(pid, LOCK_EX | LOCK_NB) != 0 || lockf(pid, F_TEST, 0));
}

static bool take_postfix_queue(struct import *import, struct err *err)
{
	static const char *const folders[] = { "incoming", "active", "deferred" };
	struct waiting *waiting;
	bool done = true;

	if (postfix_runs(import->from_fd)) {
		if (import->is_asked)
			return err_exit(err, EX_TEMPFAIL,
					"Postfix runs: `postfix stop` first, or mail is "
					"sent twice");
		import_say(import, IMPORT_NOTE, import->path,
			   "Postfix runs: stop it before you say --yes");
	}
	waiting = waiting_open(import, "Postfix's queue", err);
	if (!waiting)
		return false;
	for (size_t i = 0; done && i < LENGTH(folders); i++) {
		AUTO_FD fd = openat(import->from_fd, folders[i],
				    O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		done = fd < 0 ? errno == ENOENT || err_errno(err, "open %s", folders[i])
			      : take_postfix_folder(waiting, fd, 0, err);
	}
	waiting_close(waiting);
	if (has(import->from_fd, "hold"))
		import_say(import, IMPORT_NOTE, "hold, maildrop",
			   "what is in them stays: release or submit it first");
	return done;
}

bool import_queue(struct import *import, struct err *err)
{
	static const struct settings none = { 0 };

	if (has(import->from_fd, "mess") && has(import->from_fd, "info"))
		return qmail_queue_mail(import, import->from_fd, &none, err);
	if (has(import->from_fd, "active") && has(import->from_fd, "deferred"))
		return take_postfix_queue(import, err);
	if (has(import->from_fd, "qf")) {
		AUTO_FD fd = file_open_dir(import->from_fd, "qf", err);

		return fd >= 0 && take_sendmail_folder(import, fd, err);
	}
	if (has(import->from_fd, "mess") || has(import->from_fd, "control"))
		return err_exit(err, EX_NOINPUT,
				"%s is no queue; of a qmail home it is queue/, or say "
				"`lontar import-qmail`",
				import->path);
	return take_sendmail_folder(import, import->from_fd, err);
}
