#include "control/accounts.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/account_password.h"
#include "control/lines.h"
#include "control/map.h"

#define SOURCE     "accounts"
#define HASHES     "accounts.cdb"
#define NAMES      "users.cdb"
#define READERS    "lontarauth"
#define SOURCE_MAX ((size_t)64 * 1024 * 1024)

struct account {
	struct span name;
	struct span hash;
	struct span flags;
};

bool account_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= ACCOUNT_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) &&
		    !isdigit((unsigned char)name[i]) && !(i && strchr("._+-", name[i])))
			return false;
	return true;
}

static void split(struct span line, struct account *account)
{
	*account = (struct account){ { "", 0 }, { "", 0 }, { "", 0 } };
	(void)!span_cut(&line, ':', &account->name);
	(void)!span_cut(&line, ':', &account->hash);
	(void)!span_cut(&line, ':', &account->flags);
}

enum account_found account_find(int control_fd, const char *name, char **hash_out,
				struct err *err)
{
	AUTO_BUF value = BUF_INIT(4096);
	const char *map = hash_out ? HASHES : NAMES;
	char key[ACCOUNT_NAME_MAX];
	size_t len = strlen(name);

	if (hash_out)
		*hash_out = NULL;
	if (len >= sizeof(key))
		return ACCOUNT_NO;
	for (size_t i = 0; i <= len; i++)
		key[i] = (char)tolower((unsigned char)name[i]);
	if (!account_name_is_valid(key))
		return ACCOUNT_NO;
	switch (map_get(control_fd, map, span_of(key), &value, err)) {
	case MAP_FOUND:
		if (hash_out && value.len)
			*hash_out = buf_take(&value);
		return ACCOUNT_YES;
	case MAP_MISSING:
		return ACCOUNT_NO;
	case MAP_FAILED:
		break;
	}
	if (err->exit_code != EX_NOINPUT)
		return ACCOUNT_UNKNOWN;
	if (faccessat(control_fd, SOURCE, F_OK, AT_EACCESS) != 0 && errno == ENOENT)
		return ACCOUNT_NO;
	err_temporary(err, "4.3.5",
		      "control/%s is missing; make it with `lontar rebuild`", map);
	return ACCOUNT_UNKNOWN;
}

bool accounts_are_stale(int control_fd)
{
	return map_is_stale(control_fd, SOURCE, HASHES) ||
	       map_is_stale(control_fd, SOURCE, NAMES);
}

/* One change at a time; the lock goes when the descriptor is closed. */
static int lock(int control_fd, struct err *err)
{
	int fd = file_open_dir(control_fd, ".", err);

	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		err_errno(err, "lock control");
		file_close(&fd);
	}
	return fd;
}

static bool read_source(int control_fd, struct buf *text, bool *found_out,
			struct err *err)
{
	return file_read_if_any(control_fd, SOURCE, text, found_out, err)
		       ? true
		       : err_context(err, "control");
}

/* Each account of text; false and err (file and line) at one that is wrong. */
static bool each_account(struct span text,
			 bool (*each)(void *ctx, const struct account *account,
				      struct err *err),
			 void *ctx, struct err *err)
{
	struct account account;
	struct span line;
	unsigned number = 0;

	while (lines_next(&text, &line, &number)) {
		char name[ACCOUNT_NAME_MAX] = "";

		split(line, &account);
		if (account.name.len < sizeof(name))
			memcpy(name, account.name.at, account.name.len);
		if (strlen(name) != account.name.len || !account_name_is_valid(name))
			return err_exit(err, EX_CONFIG,
					"control/" SOURCE
					":%u: \"%.*s\" is no user name; use a-z, 0-9 and "
					". _ + - behind the first",
					number,
					account.name.len > 64 ? 64
							      : (int)account.name.len,
					account.name.at);
		if (!each(ctx, &account, err))
			return err_context(err, "control/" SOURCE ":%u", number);
	}
	return true;
}

struct maps {
	struct map_maker *hashes;
	struct map_maker *names;
};

static bool put_account(void *ctx, const struct account *account, struct err *err)
{
	const struct maps *maps = ctx;
	struct span nothing = { "", 0 };
	bool disabled =
		account->flags.len && memchr(account->flags.at, 'd', account->flags.len);

	return map_put(maps->hashes, account->name, disabled ? nothing : account->hash,
		       err) &&
	       map_put(maps->names, account->name, nothing, err);
}

static bool compile(int control_fd, struct span text, struct err *err)
{
	const struct map_source source = { SOURCE, text };
	struct maps maps;
	struct err ignored;
	bool fine;

	maps.hashes = map_make(control_fd, HASHES, &source, READERS, err);
	if (!maps.hashes)
		return false;
	maps.names = map_make(control_fd, NAMES, &source, NULL, err);
	if (!maps.names) {
		(void)!map_finish(maps.hashes, false, &ignored);
		return false;
	}
	fine = each_account(text, put_account, &maps, err);
	if (!map_finish(maps.hashes, fine, fine ? err : &ignored))
		fine = false;
	if (!map_finish(maps.names, fine, fine ? err : &ignored))
		fine = false;
	return fine;
}

bool accounts_rebuild(int control_fd, struct err *err)
{
	AUTO_FD held = lock(control_fd, err);
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	bool found;

	if (held < 0 || !read_source(control_fd, &text, &found, err))
		return false;
	return !found || compile(control_fd, buf_span(&text), err);
}

static bool add_name(void *ctx, const struct account *account, struct err *err)
{
	(void)err;
	settings_list_add(ctx, account->name, 0);
	return true;
}

bool account_names(int control_fd, struct settings_list *names_out, struct err *err)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	bool found;

	*names_out = (struct settings_list){ 0 };
	if (!read_source(control_fd, &text, &found, err))
		return false;
	if (each_account(buf_span(&text), add_name, names_out, err))
		return true;
	settings_list_clear(names_out);
	return false;
}

/* The source with the line of `name` replaced, or without it where line is NULL. */
static bool edit(struct span text, const char *name, const char *line, struct buf *out)
{
	struct account account;
	struct span whole;

	while (span_cut(&text, '\n', &whole)) {
		bool is_it;

		split(span_trim(whole), &account);
		is_it = span_is(account.name, name);
		if (!text.at && !whole.len) /* behind the last line end */
			break;
		if (is_it && !line)
			continue;
		if (!(is_it ? buf_append_text(out, line) : buf_append_span(out, whole)) ||
		    !buf_append_byte(out, '\n'))
			return false;
	}
	return true;
}

static bool find(struct span text, const char *name, struct account *account_out)
{
	struct span line;
	unsigned number = 0;

	while (lines_next(&text, &line, &number)) {
		split(line, account_out);
		if (span_is(account_out->name, name))
			return true;
	}
	return false;
}

static bool replace(int control_fd, const struct buf *text, struct err *err)
{
	return file_replace(control_fd, SOURCE, text->data, text->len, 0600, err) &&
	       compile(control_fd, buf_span(text), err);
}

static bool no_such(const char *name, struct err *err)
{
	return err_exit(err, EX_NOINPUT,
			"no user %s in control/accounts; `lontar user list` shows them",
			name);
}

bool account_add(int control_fd, const char *name, const char *password, struct err *err)
{
	AUTO_FD held = lock(control_fd, err);
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	char hash[ACCOUNT_HASH_MAX];
	struct account account;
	bool found;

	if (held < 0 || !read_source(control_fd, &text, &found, err))
		return false;
	if (!account_name_is_valid(name))
		return err_exit(err, EX_USAGE,
				"\"%.80s\" is no user name; use a-z, 0-9 and . _ + - "
				"behind the first",
				name);
	if (find(buf_span(&text), name, &account))
		return err_exit(err, ERR_EXISTS,
				"user %s is there already; `lontar user passwd %s` "
				"changes the password",
				name, name);
	if (!account_password_hash(password, hash, err))
		return false;
	if ((text.len && text.data[text.len - 1] != '\n' &&
	     !buf_append_byte(&text, '\n')) ||
	    !buf_appendf(&text, "%s:%s:\n", name, hash))
		return err_exit(err, EX_CONFIG, "control/" SOURCE " is full");
	return replace(control_fd, &text, err);
}

static bool put_line(const struct account *account, const char *password,
		     struct buf *line, struct err *err)
{
	char hash[ACCOUNT_HASH_MAX];

	if (!account_password_hash(password, hash, err))
		return false;
	return buf_appendf(line, "%.*s:%s:%.*s", SPAN_ARG(account->name), hash,
			   SPAN_ARG(account->flags))
		       ? true
		       : err_exit(err, EX_CONFIG, "control/" SOURCE " is full");
}

/* Without a password the account goes. */
static bool change(int control_fd, const char *name, const char *password,
		   struct err *err)
{
	AUTO_FD held = lock(control_fd, err);
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	AUTO_BUF edited = BUF_INIT(SOURCE_MAX);
	AUTO_BUF line = BUF_INIT(4096);
	struct account account;
	bool found;

	if (held < 0 || !read_source(control_fd, &text, &found, err))
		return false;
	if (!find(buf_span(&text), name, &account))
		return no_such(name, err);
	if (password && !put_line(&account, password, &line, err))
		return false;
	if (!edit(buf_span(&text), name, password ? line.data : NULL, &edited))
		return err_exit(err, EX_CONFIG, "control/" SOURCE " is full");
	return replace(control_fd, &edited, err);
}

bool account_remove(int control_fd, const char *name, struct err *err)
{
	return change(control_fd, name, NULL, err);
}

bool account_set_password(int control_fd, const char *name, const char *password,
			  struct err *err)
{
	return change(control_fd, name, password, err);
}
