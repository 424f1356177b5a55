#include "mail/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/address.h"

static const char return_path[] = "Return-Path: ";
static const char delivered_to[] = "elivered-To: "; /* behind the mark */

/* The longest line: every letter of the local part quoted. */
#define LINE_MAX_BYTES (ADDRESS_WIRE_MAX + 32)

/* As many bytes of the head as there are, up to the buf's ceiling. */
static bool read_head(int fd, struct buf *head, struct err *err)
{
	char *room;
	ssize_t got;

	while ((room = buf_reserve(head, LINE_MAX_BYTES))) {
		got = pread(fd, room, LINE_MAX_BYTES, (off_t)head->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, "read the envelope");
		if (got == 0)
			return true;
		buf_wrote(head, (size_t)got);
	}
	return true;
}

static bool broken(struct err *err, const char *what)
{
	return err_permanent(err, "5.6.0", "the envelope is broken: %s", what);
}

static bool take_line(struct span *rest, struct span *line_out)
{
	/* Without its LF it would be a torn write. */
	return rest->len && memchr(rest->at, '\n', rest->len) &&
	       span_cut(rest, '\n', line_out);
}

static bool take_sender(struct span *rest, struct envelope *envelope, struct err *err)
{
	char sender[ADDRESS_MAX];
	struct span line;

	if (!take_line(rest, &line) || line.len < strlen(return_path) ||
	    memcmp(line.at, return_path, strlen(return_path)) != 0)
		return broken(err, "the first line is no Return-Path");
	line = span_after(line, strlen(return_path));
	if (span_is(line, "<" ENVELOPE_DOUBLE_BOUNCE ">")) {
		envelope->sender = must_copy(ENVELOPE_DOUBLE_BOUNCE);
		return true;
	}
	if (!line.len || line.at[0] != '<' || !address_take_path(&line, sender, err) ||
	    line.len)
		return broken(err, "the Return-Path holds no address");
	envelope->sender = must_copy(sender);
	return true;
}

/* The address stands as qmail writes it: unquoted, to the end of the line. */
static bool take_recipient(struct span *rest, off_t mark, struct envelope *envelope,
			   struct err *err)
{
	struct envelope_recipient *recipient = &envelope->recipients[envelope->count];
	struct span line;

	if (!take_line(rest, &line) || line.len < 1 + strlen(delivered_to) ||
	    (line.at[0] != ENVELOPE_MARK_WAITING &&
	     line.at[0] != ENVELOPE_MARK_SETTLED) ||
	    memcmp(line.at + 1, delivered_to, strlen(delivered_to)) != 0)
		return broken(err, "a Delivered-To line is missing");
	recipient->mark = mark;
	recipient->settled = line.at[0] == ENVELOPE_MARK_SETTLED;
	line = span_after(line, 1 + strlen(delivered_to));
	if (!line.len || line.len >= ADDRESS_MAX || memchr(line.at, '\0', line.len) ||
	    memchr(line.at, '\r', line.len))
		return broken(err, "a Delivered-To line holds no address");
	recipient->address = must_alloc(line.len + 1);
	memcpy(recipient->address, line.at, line.len);
	envelope->count++;
	return true;
}

static bool parse(const struct buf *head, size_t recipients, struct envelope *envelope,
		  struct err *err)
{
	struct span rest = buf_span(head);

	if (!take_sender(&rest, envelope, err))
		return false;
	envelope->recipients =
		must_resize(NULL, recipients, sizeof(*envelope->recipients));
	while (envelope->count < recipients)
		if (!take_recipient(&rest, (off_t)(head->len - rest.len), envelope, err))
			return false;
	envelope->body = (off_t)(head->len - rest.len);
	return true;
}

bool envelope_read(int fd, size_t recipients, struct envelope *envelope_out,
		   struct err *err)
{
	AUTO_BUF head = BUF_INIT(0);

	*envelope_out = (struct envelope){ 0 };
	if (!recipients || recipients > ENVELOPE_RECIPIENTS_MAX)
		return broken(err, "its file's name counts too many recipients, or none");
	head.max = (1 + recipients) * LINE_MAX_BYTES;
	if (!read_head(fd, &head, err))
		return false;
	if (parse(&head, recipients, envelope_out, err))
		return true;
	envelope_clear(envelope_out);
	return false;
}

void envelope_clear(struct envelope *envelope)
{
	for (size_t i = 0; i < envelope->count; i++)
		free(envelope->recipients[i].address);
	free(envelope->recipients);
	free(envelope->sender);
	*envelope = (struct envelope){ 0 };
}

bool envelope_append(struct buf *out, const char *sender, const char *const *recipients,
		     size_t count)
{
	size_t len = out->len;
	bool fits = buf_appendf(out, "%s<", return_path) && address_append(out, sender) &&
		    buf_append_text(out, ">\n");

	for (size_t i = 0; fits && i < count; i++)
		fits = buf_appendf(out, "%c%s%s\n", ENVELOPE_MARK_WAITING, delivered_to,
				   recipients[i]);
	if (!fits)
		buf_cut(out, len);
	return fits;
}
