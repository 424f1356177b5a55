#include "deliver/alias.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/lines.h"
#include "mail/address.h"

#define ALIAS_FILE_MAX ((size_t)1024 * 1024)

/* ENOENT only is an answer; anything else must not look like "no such user". */
static bool is_there(int control_fd, const char *file, bool *there_out, struct err *err)
{
	char path[MAILDIR_NAME_MAX + 16];

	snprintf(path, sizeof(path), "alias/%s", file);
	*there_out = faccessat(control_fd, path, F_OK, AT_EACCESS) == 0;
	if (*there_out || errno == ENOENT)
		return true;
	return err_errno(err, "control/%s", path);
}

bool alias_find(int control_fd, const char *name, struct alias_found *found_out,
		struct err *err)
{
	char safe[MAILDIR_NAME_MAX - 32];
	size_t len = strlen(name);
	bool there;

	found_out->name[0] = '\0';
	if (len >= sizeof(safe) || !len || strchr(name, '/'))
		return true;
	for (size_t i = 0; i <= len; i++)
		safe[i] = (char)(name[i] == '.' ? ':' : name[i]);
	snprintf(found_out->name, sizeof(found_out->name), ".qmail-%s", safe);
	if (!is_there(control_fd, found_out->name, &there, err))
		return false;
	/* Then shorter and shorter beginnings, each with "default" for the rest. */
	for (size_t end = len; !there;) {
		while (end > 0 && safe[end - 1] != '-')
			end--;
		snprintf(found_out->name, sizeof(found_out->name), ".qmail-%.*sdefault",
			 (int)end, safe);
		if (!is_there(control_fd, found_out->name, &there, err))
			return false;
		if (!there && end == 0) {
			found_out->name[0] = '\0';
			break;
		}
		if (end)
			end--;
	}
	return true;
}

/* "&address", "address"; what a program or a mailbox file would be is refused. */
static bool address_of(struct span line, char address_out[ADDRESS_MAX], struct err *err)
{
	if (line.at[0] == '&')
		line = span_trim(span_after(line, 1));
	else if (!isalnum((unsigned char)line.at[0]))
		return err_permanent(err, "5.3.5",
				     "only addresses to forward to may stand "
				     "here");
	if (!address_take_path(&line, address_out, err))
		return false;
	return !span_trim(line).len ||
	       err_permanent(err, "5.3.5", "more than one address stands here");
}

bool alias_follow(int control_fd, const struct alias_found *found,
		  bool (*each)(void *ctx, const char *address, struct err *err),
		  void *ctx, struct err *err)
{
	AUTO_BUF text = BUF_INIT(ALIAS_FILE_MAX);
	char path[MAILDIR_NAME_MAX + 16];
	struct span rest, line;
	unsigned number = 0, addresses = 0;

	snprintf(path, sizeof(path), "alias/%s", found->name);
	if (!file_read(control_fd, path, &text, err))
		return err_context(err, "control");
	rest = buf_span(&text);
	while (lines_next(&rest, &line, &number)) {
		char address[ADDRESS_MAX];
		struct err why;

		if (!address_of(line, address, &why))
			return err_temporary(err, "4.3.5", "control/%s line %u: %s", path,
					     number, why.text);
		addresses++;
		if (!each(ctx, address, err))
			return false;
	}
	if (!addresses)
		return err_temporary(err, "4.3.5", "control/%s names no address", path);
	return true;
}
