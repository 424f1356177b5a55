#include "deliver/qmail_find.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

#define FILE_MAX ((size_t)8 * 1024 * 1024)

struct search {
	const struct qmail_place *place;
	char safe[ADDRESS_MAX]; /* ext as it stands in file names */
};

static void search_begin(struct search *search, const struct qmail_place *place)
{
	size_t i = 0;

	search->place = place;
	for (; i < sizeof(search->safe) - 1 && place->ext[i]; i++) {
		char c = (char)tolower((unsigned char)place->ext[i]);

		search->safe[i] = (char)(c == '.' ? ':' : c);
	}
	search->safe[i] = '\0';
}

/* Opens .qmailDASH + len bytes of ext + suffix; *fd_out is -1 where there is none. Only
 * ENOENT says so: anything else must not look like "no such user". */
static bool try_open(const struct search *search, size_t len, const char *suffix,
		     char name_out[MAILDIR_NAME_MAX], int *fd_out, struct err *err)
{
	struct stat st;
	int need = snprintf(name_out, MAILDIR_NAME_MAX, ".qmail%s%.*s%s",
			    search->place->dash, (int)len, search->safe, suffix);

	*fd_out = -1;
	if (need >= MAILDIR_NAME_MAX || strchr(name_out, '/'))
		return true;
	/* O_NONBLOCK: a FIFO must not hang us. */
	*fd_out = openat(search->place->home_fd, name_out,
			 O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*fd_out < 0)
		return errno == ENOENT || errno == ENAMETOOLONG
			       ? true
			       : err_errno(err, "open %s", name_out);
	if (fstat(*fd_out, &st) == 0 && S_ISREG(st.st_mode))
		return true;
	file_close(fd_out);
	return err_temporary(err, "4.3.5", "%s is no regular file", name_out);
}

static bool is_his(const struct qmail_place *place, const struct stat *st)
{
	return place->owner == QMAIL_ANY_OWNER || st->st_uid == place->owner ||
	       st->st_uid == 0;
}

static bool home_is_safe(const struct qmail_place *place, struct err *err)
{
	struct stat st;

	if (fstat(place->home_fd, &st) != 0)
		return err_errno(err, "look at the home folder");
	if (!is_his(place, &st))
		return err_temporary(err, "4.3.5", "the home folder is another user's");
	if (st.st_mode & S_IWOTH)
		return err_temporary(err, "4.3.5",
				     "the home folder may be written by everyone; "
				     "chmod o-w it");
	if (st.st_mode & S_ISVTX)
		return err_temporary(err, "4.2.1",
				     "the home folder is sticky: its user is editing "
				     "(chmod -t when done)");
	return true;
}

static bool read_open(const struct qmail_place *place, int fd, struct qmail_found *found,
		      struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX);
	char path[40];
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_errno(err, "look at it");
	if (!is_his(place, &st))
		return err_temporary(err, "4.3.5", "it is another user's file");
	if (st.st_mode & S_IWOTH)
		return err_temporary(err, "4.3.5", "everyone may write it; chmod o-w it");
	found->is_empty = st.st_size == 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!file_read(AT_FDCWD, path, &text, err)) {
		err->kind = ERR_TEMPORARY;
		snprintf(err->status, sizeof(err->status), "4.3.5");
		return false;
	}
	return qmail_file_parse(buf_span(&text), (st.st_mode & S_IXUSR) != 0,
				&found->file, err);
}

/* The literal name, then the defaults. *fd_out is -1 where there is none; *taken_out:
 * how many bytes of ext the name has, where the rest is "default"'s. */
static bool open_first(const struct search *search, struct qmail_found *found,
		       int *fd_out, struct err *err)
{
	const char *ext = search->place->ext;
	size_t len = strlen(search->safe), literal = len >= 7 ? len - 7 : 0;

	if (!try_open(search, len, "", found->name, fd_out, err))
		return false;
	if (*fd_out >= 0) {
		/* The literal name may itself end in "default". */
		found->has_default =
			len >= 7 && strcmp(search->safe + literal, "default") == 0;
		snprintf(found->rest, sizeof(found->rest), "%s", ext + literal);
		return true;
	}
	if (!search->place->dash[0] && !len)
		return true;
	for (size_t end = len;; end--) {
		if (end && search->safe[end - 1] != '-')
			continue;
		if (!try_open(search, end, "default", found->name, fd_out, err))
			return false;
		if (*fd_out >= 0) {
			found->has_default = true;
			snprintf(found->rest, sizeof(found->rest), "%s", ext + end);
			return true;
		}
		if (!end)
			return true;
	}
}

/* A file that cannot be opened is there, too: its list must not lose its owner. */
static bool is_there(const struct search *search, const char *suffix)
{
	char name[MAILDIR_NAME_MAX];

	return snprintf(name, sizeof(name), ".qmail%s%s%s", search->place->dash,
			search->safe, suffix) < (int)sizeof(name) &&
	       !strchr(name, '/') &&
	       (faccessat(search->place->home_fd, name, F_OK, AT_EACCESS) == 0 ||
		errno != ENOENT);
}

bool qmail_find(const struct qmail_place *place, struct qmail_found *found_out,
		struct err *err)
{
	struct search search;
	AUTO_FD fd = -1;

	*found_out = (struct qmail_found){ .is_empty = false };
	search_begin(&search, place);
	if (!home_is_safe(place, err) || !open_first(&search, found_out, &fd, err))
		return false;
	if (fd < 0) {
		found_out->name[0] = '\0';
		return true;
	}
	found_out->has_owner = is_there(&search, "-owner");
	found_out->has_owner_default =
		found_out->has_owner && is_there(&search, "-owner-default");
	return read_open(place, fd, found_out, err) ||
	       err_context(err, "%s", found_out->name);
}

bool qmail_read(const struct qmail_place *place, const char *name,
		struct qmail_found *found_out, struct err *err)
{
	struct qmail_place literal = *place;
	struct search search;
	AUTO_FD fd = -1;

	*found_out = (struct qmail_found){ .is_empty = false };
	literal.dash = name + strlen(".qmail");
	literal.ext = "";
	search_begin(&search, &literal);
	if (!try_open(&search, 0, "", found_out->name, &fd, err))
		return false;
	if (fd < 0)
		return err_temporary(err, "4.3.5", "%s is gone", name);
	return read_open(place, fd, found_out, err) || err_context(err, "%s", name);
}

bool qmail_exists(const struct qmail_place *place, bool *there_out, struct err *err)
{
	struct qmail_found found = { .is_empty = false };
	struct search search;
	AUTO_FD fd = -1;

	search_begin(&search, place);
	if (!open_first(&search, &found, &fd, err))
		return false;
	*there_out = fd >= 0;
	return true;
}

void qmail_found_clear(struct qmail_found *found)
{
	qmail_file_clear(&found->file);
}
