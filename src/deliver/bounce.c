#include "deliver/bounce.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "deliver/inject.h"
#include "mail/address.h"
#include "mail/header.h"

#define HEADER_MAX ((size_t)64 * 1024)
#define BOUNCE_MAX ((size_t)4 * 1024 * 1024)

static bool read_header(const struct bounce *bounce, struct buf *out, struct err *err)
{
	char *room = buf_reserve(out, HEADER_MAX);
	ssize_t got = pread(bounce->message_fd, room, HEADER_MAX, bounce->envelope->body);
	struct header_field field;
	struct span rest;

	if (got < 0)
		return err_errno(err, "read the header of %s", bounce->name->id);
	buf_wrote(out, (size_t)got);
	rest = buf_span(out);
	while (header_next(&rest, &field))
		;
	/* What follows the header is the body, or a line that the bytes cut. */
	buf_cut(out, out->len - rest.len);
	return true;
}

static bool send_to(const struct bounce *bounce, const char *sender, const char *to,
		    struct err *err)
{
	AUTO_BUF header = BUF_INIT(HEADER_MAX);
	AUTO_BUF text = BUF_INIT(BOUNCE_MAX);
	const struct settings *settings = bounce->settings;
	struct dsn dsn = { .action = bounce->action,
			   .me = settings->me,
			   .to = to,
			   .original_id = bounce->name->id,
			   .arrived = parked_name_time(bounce->name),
			   .now = clock_wall_s(),
			   .recipients = bounce->recipients,
			   .count = bounce->count };
	/* A delay is told nobody over the link that is the reason. */
	struct inject inject = { .sender = sender,
				 .recipients = &to,
				 .count = 1,
				 .only_ours = bounce->action == DSN_DELAYED,
				 .bounce = true };
	char from[ADDRESS_MAX];

	if (snprintf(from, sizeof(from), "%s@%s", settings->bouncefrom,
		     settings->bouncehost) >= (int)sizeof(from))
		return err_temporary(err, "4.3.5",
				     "control/bouncefrom and bouncehost are too long");
	dsn.from = from;
	if (!read_header(bounce, &header, err))
		return false;
	dsn.original_header = buf_span(&header);
	if (!dsn_append(&text, &dsn))
		return err_temporary(err, "4.3.0", "the bounce became too long");
	inject.text = buf_span(&text);
	return inject_message(bounce->root_fd, &inject, err) ||
	       err_context(err, "bounce to <%s>", to);
}

bool bounce_send(const struct bounce *bounce, struct err *err)
{
	const char *sender = bounce->envelope->sender;

	if (strcmp(sender, BOUNCE_DOUBLE_SENDER) == 0)
		return true;
	if (sender[0]) {
		if (send_to(bounce, "", sender, err))
			return true;
		if (err->kind != ERR_PERMANENT)
			return false;
	}
	/* A delay is no news to anyone but its sender. */
	if (bounce->action == DSN_DELAYED)
		return true;
	if (send_to(bounce, BOUNCE_DOUBLE_SENDER, bounce->settings->doublebounceto, err))
		return true;
	/* Our own postmaster refuses: a setting to mend, not a reason to lose mail. */
	err->kind = ERR_TEMPORARY;
	return false;
}
