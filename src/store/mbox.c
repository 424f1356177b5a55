#include "store/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"

#define LOCK_TRY_MS   100
#define LOCK_STALE_S  300 /* and its process is gone */
#define OUT_BYTES     ((size_t)64 * 1024)
#define FROM_LINE_MAX ((size_t)4096)

bool mbox_from_line(struct buf *out, const char *sender, int64_t now)
{
	time_t seconds = (time_t)now;
	char date[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%a %b %d %H:%M:%S %Y", &tm);
	if (!buf_append_text(out, "From "))
		return false;
	if (!sender[0] && !buf_append_text(out, "MAILER-DAEMON"))
		return false;
	for (; *sender; sender++) {
		char letter = *sender;

		if (letter == ' ' || letter == '\t' || letter == '\n')
			letter = '-';
		if (!buf_append_byte(out, letter))
			return false;
	}
	return buf_appendf(out, " %s\n", date);
}

/* The process that made it wrote its number, and has long been gone. */
static bool is_stale(int folder_fd, const char *lock)
{
	AUTO_BUF text = BUF_INIT(64);
	struct stat st;
	struct err ignored;
	uint64_t pid = 0;
	bool found;

	if (fstatat(folder_fd, lock, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || clock_wall_s() - st.st_mtime < LOCK_STALE_S)
		return false;
	return file_read_if_any(folder_fd, lock, &text, &found, &ignored) && found &&
	       number_parse(span_trim(buf_span(&text)), INT32_MAX, &pid) && pid > 0 &&
	       kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* True: ours, or there can be none here and fcntl must do. *again_out: another has it. */
static bool try_dot_lock(struct mbox *mbox, const char *lock, bool *again_out,
			 struct err *err)
{
	AUTO_FD fd = openat(mbox->folder_fd, lock,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	*again_out = false;
	if (fd >= 0) {
		snprintf(mbox->lock, sizeof(mbox->lock), "%s", lock);
		dprintf(fd, "%ld\n", (long)getpid());
		return true;
	}
	if (errno == EACCES || errno == EROFS || errno == EPERM)
		return true;
	if (errno != EEXIST)
		return err_errno(err, "create %s", lock);
	if (is_stale(mbox->folder_fd, lock))
		unlinkat(mbox->folder_fd, lock, 0);
	*again_out = true;
	return true;
}

static bool try_record_lock(const struct mbox *mbox, bool *again_out, struct err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	*again_out = false;
	if (fcntl(mbox->fd, F_SETLK, &whole) == 0)
		return true;
	*again_out = errno == EAGAIN || errno == EACCES || errno == EINTR;
	/* A file system without locks still has the dot lock. */
	if (*again_out || (errno == ENOLCK && mbox->lock[0]))
		return true;
	return err_errno(err, "lock");
}

static bool lock(struct mbox *mbox, const char *name, int wait_ms, struct err *err)
{
	int64_t until = clock_monotonic_ms() + wait_ms;
	const struct timespec pause = { .tv_nsec = LOCK_TRY_MS * 1000000L };
	char file[sizeof(mbox->lock)];
	bool again;

	if (snprintf(file, sizeof(file), "%s.lock", name) >= (int)sizeof(file)) {
		errno = ENAMETOOLONG;
		return err_errno(err, "lock");
	}
	for (;;) {
		if (!mbox->lock[0] && !try_dot_lock(mbox, file, &again, err))
			return false;
		if ((mbox->lock[0] || !again) && !try_record_lock(mbox, &again, err))
			return false;
		if (!again)
			return true;
		if (clock_monotonic_ms() >= until)
			return err_temporary(err, "4.2.0",
					     "locked by another program for %d seconds",
					     wait_ms / 1000);
		nanosleep(&pause, NULL);
	}
}

static int open_folder(int home_fd, const char *path, const char **name_out,
		       struct err *err)
{
	const char *slash = strrchr(path, '/');
	char folder[512];

	*name_out = slash ? slash + 1 : path;
	if (!slash)
		return file_open_dir(home_fd, ".", err);
	if ((size_t)(slash - path) >= sizeof(folder) - 1) {
		errno = ENAMETOOLONG;
		err_errno(err, "open");
		return -1;
	}
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path) + 1, path);
	return file_open_dir(home_fd, folder, err);
}

/* On the open file, so that nobody can put another in its place meanwhile. */
static bool is_fit(const struct mbox *mbox, struct err *err)
{
	struct stat st;

	if (fstat(mbox->fd, &st) != 0)
		return err_errno(err, "look at it");
	if (!S_ISREG(st.st_mode))
		return err_temporary(err, "4.2.1", "is no regular file");
	if (st.st_nlink != 1)
		return err_temporary(err, "4.2.1", "has another name (a hard link)");
	if (st.st_uid != geteuid())
		return err_temporary(err, "4.2.1", "is another user's file");
	return true;
}

static bool open_file(struct mbox *mbox, const char *name, struct err *err)
{
	const int flags =
		O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

	mbox->fd = openat(mbox->folder_fd, name, flags);
	if (mbox->fd < 0 && errno == ENOENT) {
		mbox->fd = openat(mbox->folder_fd, name, flags | O_CREAT | O_EXCL, 0600);
		mbox->is_new = mbox->fd >= 0;
	}
	if (mbox->fd < 0)
		return err_errno(err, "open");
	return is_fit(mbox, err);
}

bool mbox_open(int home_fd, const char *path, int wait_ms, struct mbox *mbox_out,
	       struct err *err)
{
	const char *name;

	*mbox_out = (struct mbox){ .fd = -1, .folder_fd = -1 };
	mbox_out->folder_fd = open_folder(home_fd, path, &name, err);
	if (mbox_out->folder_fd >= 0 && open_file(mbox_out, name, err) &&
	    lock(mbox_out, name, wait_ms, err))
		return true;
	mbox_close(mbox_out);
	err_context(err, "%s", path);
	err->kind = ERR_TEMPORARY;
	return false;
}

void mbox_close(struct mbox *mbox)
{
	file_close(&mbox->fd);
	if (mbox->lock[0])
		unlinkat(mbox->folder_fd, mbox->lock, 0);
	mbox->lock[0] = '\0';
	file_close(&mbox->folder_fd);
}

/* Bytes on their way to the file, quoted line by line. */
struct quoting {
	int fd;
	struct buf out;
	struct buf begin; /* of the line, while it may still become ">>From " */
	bool in_line;     /* its beginning has been decided on */
};

static bool flush(struct quoting *quoting, size_t from, struct err *err)
{
	if (quoting->out.len < from || !quoting->out.len)
		return true;
	if (!file_write(quoting->fd, quoting->out.data, quoting->out.len, err))
		return false;
	buf_reset(&quoting->out);
	return true;
}

static bool put(struct quoting *quoting, struct span bytes, struct err *err)
{
	while (bytes.len) {
		size_t some = bytes.len < OUT_BYTES ? bytes.len : OUT_BYTES;

		if (!flush(quoting, OUT_BYTES, err))
			return false;
		if (!buf_append(&quoting->out, bytes.at, some))
			return err_temporary(err, "4.3.0", "no room to quote a line");
		bytes = span_after(bytes, some);
	}
	return true;
}

/* 0: begin is the start of no From line; 1: of one, so far; 2: it is one. */
static int judge(struct span begin)
{
	static const char from[] = "From ";

	while (begin.len && begin.at[0] == '>')
		begin = span_after(begin, 1);
	if (begin.len >= strlen(from))
		return memcmp(begin.at, from, strlen(from)) == 0 ? 2 : 0;
	return memcmp(begin.at, from, begin.len) == 0;
}

static bool release(struct quoting *quoting, bool is_from, struct err *err)
{
	bool done = (!is_from || put(quoting, span_of(">"), err)) &&
		    put(quoting, buf_span(&quoting->begin), err);

	buf_reset(&quoting->begin);
	return done;
}

static bool put_byte(struct quoting *quoting, char byte, struct err *err)
{
	int judged;

	if (quoting->in_line) {
		quoting->in_line = byte != '\n';
		return put(quoting, (struct span){ &byte, 1 }, err);
	}
	/* A line of nothing but ">" must not be kept in memory for ever. */
	if (!buf_append_byte(&quoting->begin, byte))
		return release(quoting, false, err) &&
		       (quoting->in_line = byte != '\n',
			put(quoting, (struct span){ &byte, 1 }, err));
	judged = judge(buf_span(&quoting->begin));
	if (judged == 1)
		return true;
	quoting->in_line = byte != '\n';
	return release(quoting, judged == 2, err);
}

static bool put_body(struct quoting *quoting, const struct letter *letter,
		     struct err *err)
{
	char piece[64 * 1024], last = '\n';
	uint64_t at = 0;

	while (at < letter->bytes) {
		uint64_t left = letter->bytes - at;
		ssize_t got = pread(letter->fd, piece,
				    left < sizeof(piece) ? (size_t)left : sizeof(piece),
				    letter->body + (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? err_errno(err, "read the message")
				   : err_temporary(err, "4.3.0", "the message is short");
		for (ssize_t i = 0; i < got; i++)
			if (!put_byte(quoting, piece[i], err))
				return false;
		last = piece[got - 1];
		at += (uint64_t)got;
	}
	return release(quoting, false, err) &&
	       put(quoting, span_of(last == '\n' ? "\n" : "\n\n"), err) &&
	       flush(quoting, 0, err);
}

/* What a crash once left torn must not swallow our From line. */
static bool end_last_line(const struct mbox *mbox, off_t end, struct quoting *quoting,
			  struct err *err)
{
	char last;

	if (end == 0 || pread(mbox->fd, &last, 1, end - 1) != 1 || last == '\n')
		return true;
	return put(quoting, span_of("\n\n"), err);
}

static bool write_all(const struct mbox *mbox, off_t end, const struct buf *from_line,
		      const struct letter *letter, struct err *err)
{
	struct quoting quoting = { .fd = mbox->fd,
				   .out = BUF_INIT(2 * OUT_BYTES),
				   .begin = BUF_INIT(FROM_LINE_MAX) };
	bool done = end_last_line(mbox, end, &quoting, err) &&
		    put(&quoting, buf_span(from_line), err) &&
		    put(&quoting, letter->head, err) && put_body(&quoting, letter, err);

	buf_clear(&quoting.out);
	buf_clear(&quoting.begin);
	return done;
}

bool mbox_append(const struct mbox *mbox, const char *sender, int64_t now,
		 const struct letter *letter, struct err *err)
{
	AUTO_BUF from_line = BUF_INIT(FROM_LINE_MAX);
	off_t end = lseek(mbox->fd, 0, SEEK_END);

	if (end < 0)
		return err_errno(err, "find its end");
	if (!mbox_from_line(&from_line, sender, now))
		return err_temporary(err, "4.3.0", "the sender is too long");
	if (write_all(mbox, end, &from_line, letter, err) &&
	    file_sync(mbox->fd, "it", err) &&
	    (!mbox->is_new || file_sync_dir(mbox->folder_fd, "its folder", err)))
		return true;
	if (ftruncate(mbox->fd, end) != 0)
		err_context(err, "and it could not be cut back");
	err->kind = ERR_TEMPORARY;
	return false;
}

bool mbox_deliver(int home_fd, const char *path, const char *sender,
		  const struct letter *letter, struct err *err)
{
	struct mbox mbox;
	bool done;

	if (!mbox_open(home_fd, path, MBOX_LOCK_WAIT_MS, &mbox, err))
		return false;
	done = mbox_append(&mbox, sender, clock_wall_s(), letter, err) ||
	       err_context(err, "%s", path);
	mbox_close(&mbox);
	return done;
}
