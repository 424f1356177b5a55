#include "oauth/tokens.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/keyvalue.h"
#include "link/notes.h"
#include "oauth/grant.h"

#define FOLDER          "spool/state/tokens"
#define FILE_MAX_BYTES  ((size_t)3 * OAUTH_TOKEN_MAX)
#define GOOD_FOR_S      300  /* a queue's worth of logins */
#define ACCESS_UNSAID_S 3600 /* RFC 6749 4.2.2's example, and everybody's habit */

static const struct keyvalue_key keys[] = {
	{ "refresh", KEYVALUE_TEXT, offsetof(struct tokens, refresh), NULL, 0 },
	{ "access", KEYVALUE_TEXT, offsetof(struct tokens, access), NULL, 0 },
	{ "accessuntil", KEYVALUE_NUMBER, offsetof(struct tokens, accessuntil), NULL,
	  INT64_MAX },
	{ .name = NULL },
};

/* What root makes belongs to whom the folder belongs. */
static bool give(int root_fd, const char *path, struct err *err)
{
	struct stat st;

	if (geteuid() != 0 || fstatat(root_fd, FOLDER, &st, 0) != 0 ||
	    fchownat(root_fd, path, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	return err_errno(err, "chown %s", path);
}

int tokens_lock(int root_fd, const char *login, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 40];
	int fd;

	if (!file_make_dir(root_fd, FOLDER, 0700, err))
		return -1;
	/* No login's name has this mark. */
	snprintf(path, sizeof(path), FOLDER "/_%s", login);
	fd = openat(root_fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_errno(err, "open %s", path);
		return -1;
	}
	if (give(root_fd, path, err) && flock(fd, LOCK_EX) == 0)
		return fd;
	if (err->kind == ERR_NONE)
		err_errno(err, "lock %s", path);
	file_close(&fd);
	return -1;
}

bool tokens_read(int root_fd, const char *login, struct tokens *tokens_out,
		 struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX_BYTES);
	char path[SMARTHOST_NAME_MAX + 40];
	bool found, read;

	*tokens_out = (struct tokens){ .accessuntil = 0 };
	snprintf(path, sizeof(path), FOLDER "/%s", login);
	if (!buf_reserve(&text, FILE_MAX_BYTES) ||
	    !file_read_if_any(root_fd, path, &text, &found, err))
		return false;
	read = found && keyvalue_parse(path, buf_span(&text), keys, tokens_out, err) &&
	       tokens_out->refresh;
	if (text.len)
		explicit_bzero(text.data, text.len);
	if (read)
		return true;
	tokens_clear(tokens_out);
	return err_exit(err, EX_NOPERM,
			"login %s was never made here; run `lontar login %s`", login,
			login);
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
}

void tokens_clear(struct tokens *tokens)
{
	wipe(tokens->refresh);
	wipe(tokens->access);
	keyvalue_clear(keys, tokens);
	*tokens = (struct tokens){ .accessuntil = 0 };
}

static void replace(char **text, const char *by)
{
	wipe(*text);
	free(*text);
	*text = must_copy(by);
}

static bool write_file(int root_fd, const char *login, const struct tokens *tokens,
		       struct err *err)
{
	AUTO_BUF text = BUF_INIT(FILE_MAX_BYTES);
	char path[SMARTHOST_NAME_MAX + 40];
	bool done;

	snprintf(path, sizeof(path), FOLDER "/%s", login);
	done = buf_reserve(&text, FILE_MAX_BYTES) &&
	       buf_appendf(&text, "refresh=%s\naccess=%s\naccessuntil=%" PRIu64 "\n",
			   tokens->refresh, tokens->access, tokens->accessuntil);
	if (!done)
		return err_temporary(err, "4.3.0", "the tokens are too long");
	done = file_replace(root_fd, path, text.data, text.len, 0600, err) &&
	       give(root_fd, path, err);
	explicit_bzero(text.data, text.len);
	return done;
}

static bool write_note(int root_fd, const struct login *login,
		       const struct oauth_reply *reply, bool first, struct err *err)
{
	int64_t now = clock_wall_s();
	struct login_note note;

	login_note_read(root_fd, login->name, &note);
	if (first)
		note = (struct login_note){ .granted = now };
	note.used = now;
	note.refused = false;
	note.last_error[0] = '\0';
	if (reply->refresh_token_expires_in)
		note.dies = now + (int64_t)reply->refresh_token_expires_in;
	else if (login->lifetime)
		note.dies = now + (int64_t)login->lifetime;
	if (!login_note_warns(&note, now))
		note.warned = false;
	return login_note_write(root_fd, login->name, &note, err);
}

bool tokens_keep(int root_fd, const struct login *login, struct tokens *tokens,
		 const struct oauth_reply *reply, bool first, struct err *err)
{
	uint64_t good = reply->expires_in ? reply->expires_in : ACCESS_UNSAID_S;

	if (reply->refresh_token)
		replace(&tokens->refresh, reply->refresh_token);
	replace(&tokens->access, reply->access_token);
	tokens->accessuntil = (uint64_t)clock_wall_s() + good;
	return write_file(root_fd, login->name, tokens, err) &&
	       write_note(root_fd, login, reply, first, err);
}

static bool renew(int root_fd, int control_fd, const struct login *login,
		  struct tokens *tokens, struct err *err)
{
	struct oauth_reply reply;
	struct login_note note;
	struct err ignored;
	bool done;

	if (!oauth_refresh(control_fd, login, tokens->refresh, &reply, err)) {
		login_note_read(root_fd, login->name, &note);
		note.refused = err->exit_code == EX_NOPERM;
		snprintf(note.last_error, sizeof(note.last_error), "%s", err->text);
		(void)!login_note_write(root_fd, login->name, &note, &ignored);
		return false;
	}
	done = tokens_keep(root_fd, login, tokens, &reply, false, err);
	oauth_reply_clear(&reply);
	return done;
}

char *tokens_access(int root_fd, int control_fd, const struct login *login,
		    struct err *err)
{
	AUTO_FD lock = tokens_lock(root_fd, login->name, err);
	uint64_t now = (uint64_t)clock_wall_s();
	struct tokens tokens;
	char *access = NULL;

	if (lock < 0 || !tokens_read(root_fd, login->name, &tokens, err))
		return NULL;
	if ((tokens.access && tokens.accessuntil > now + GOOD_FOR_S &&
	     /* A clock that was set back makes nothing last longer. */
	     tokens.accessuntil < now + (uint64_t)24 * 3600) ||
	    renew(root_fd, control_fd, login, &tokens, err))
		access = must_copy(tokens.access);
	tokens_clear(&tokens);
	return access;
}
