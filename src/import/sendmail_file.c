#include "import/sendmail_file.h"

#include <string.h>
#include <strings.h>

#include "mail/address.h"

static bool take_address(struct span text, char address_out[ADDRESS_MAX], struct err *err)
{
	const char *bracket = text.len ? memchr(text.at, '<', text.len) : NULL;

	if (bracket)
		text = span_after(text, (size_t)(bracket - text.at));
	return address_take_path(&text, address_out, err);
}

/* Behind the flags that newer versions put before a colon: "RPFD:<bob@far>". */
static struct span after_flags(struct span text)
{
	size_t len = 0;

	while (len < text.len && text.at[len] >= 'A' && text.at[len] <= 'Z')
		len++;
	return len < text.len && text.at[len] == ':' ? span_after(text, len + 1) : text;
}

/* "?P?Return-Path: ..." is only for mailers that want it; the others are the message's
 * own, or were put there for it. */
static bool is_dropped(struct span flags, struct span field)
{
	static const char return_path[] = "return-path:", full_name[] = "full-name:";

	return (flags.len &&
		(memchr(flags.at, 'P', flags.len) || memchr(flags.at, 'x', flags.len))) ||
	       (field.len >= strlen(return_path) &&
		strncasecmp(field.at, return_path, strlen(return_path)) == 0) ||
	       (field.len >= strlen(full_name) &&
		strncasecmp(field.at, full_name, strlen(full_name)) == 0);
}

static bool take_header(struct span text, bool *dropped_out, struct buf *header)
{
	struct span flags = { "", 0 };

	if (text.len && text.at[0] == '?') {
		text = span_after(text, 1);
		if (!text.len || !memchr(text.at, '?', text.len) ||
		    !span_cut(&text, '?', &flags))
			return false;
		if (!text.at)
			return false;
	}
	*dropped_out = is_dropped(flags, text);
	return *dropped_out ||
	       (buf_append_span(header, text) && buf_append_byte(header, '\n'));
}

struct reading {
	struct queued *queued;
	struct buf *header;
	bool in_header;
	bool dropped; /* the field that is being read */
};

static bool take_line(struct reading *reading, struct span line, struct err *err)
{
	struct span rest = span_after(line, 1);
	char address[ADDRESS_MAX];

	if (line.at[0] == ' ' || line.at[0] == '\t')
		return !reading->in_header || reading->dropped ||
		       (buf_append_span(reading->header, line) &&
			buf_append_byte(reading->header, '\n')) ||
		       err_permanent(err, "5.6.0", "its header is too large");
	reading->in_header = line.at[0] == 'H';
	switch (line.at[0]) {
	case 'S':
		if (!take_address(rest, address, err))
			return false;
		queued_sender(reading->queued, span_of(address));
		return true;
	case 'R':
		if (!take_address(after_flags(rest), address, err))
			return false;
		queued_recipient(reading->queued, span_of(address));
		return true;
	case 'H':
		return take_header(rest, &reading->dropped, reading->header) ||
		       err_permanent(err, "5.6.0", "a line of its header makes no sense");
	default:
		return true;
	}
}

bool sendmail_file_parse(struct span text, struct queued *queued, struct buf *header,
			 struct err *err)
{
	struct reading reading = { .queued = queued, .header = header };
	bool ended = false;
	struct span line;

	while (!ended && text.len && memchr(text.at, '\n', text.len) &&
	       span_cut(&text, '\n', &line)) {
		ended = span_is(line, ".");
		if (!ended && line.len && !take_line(&reading, line, err))
			return false;
	}
	if (!ended)
		return err_permanent(err, "5.6.0", "its last line is missing");
	if (!queued->sender)
		return err_permanent(err, "5.6.0", "it names no sender");
	return buf_append_byte(header, '\n') ||
	       err_permanent(err, "5.6.0", "its header is too large");
}
