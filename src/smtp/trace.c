#include "smtp/trace.h"

#include <string.h>
#include <strings.h>

static bool is_recipient(const struct buf *recipients, const char *address)
{
	const char *end = recipients->data + recipients->len;

	for (const char *at = recipients->data; at < end; at += strlen(at) + 1)
		if (address_same(at, address))
			return true;
	return false;
}

static bool names(struct span line, const char *field)
{
	return line.len > strlen(field) && line.at[strlen(field)] == ':' &&
	       strncasecmp(line.at, field, strlen(field)) == 0;
}

static enum smtp_trace_found on_line(struct smtp_trace *trace,
				     const struct buf *recipients)
{
	struct span line = { trace->line, trace->len };

	if (!line.len)
		trace->header_over = true;
	if (names(line, "Received") || names(line, "Delivered-To"))
		trace->hops++;
	if (trace->hops >= SMTP_HOPS_MAX)
		return SMTP_TRACE_HOPS;
	if (names(line, "Delivered-To")) {
		struct span value = span_trim(span_after(line, sizeof("Delivered-To")));
		char address[ADDRESS_MAX];
		struct err ignored;

		if (address_take_path(&value, address, &ignored) &&
		    is_recipient(recipients, address))
			return SMTP_TRACE_LOOP;
	}
	return SMTP_TRACE_FINE;
}

enum smtp_trace_found smtp_trace_feed(struct smtp_trace *trace, struct span piece,
				      const struct buf *recipients)
{
	struct span rest = piece;

	while (!trace->header_over && rest.len) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.at) : rest.len;
		size_t room = sizeof(trace->line) - trace->len;
		size_t kept = len < room ? len : room;
		enum smtp_trace_found found;

		memcpy(trace->line + trace->len, rest.at, kept);
		trace->len += kept;
		if (!end)
			break;
		rest = span_after(rest, len + 1);
		found = on_line(trace, recipients);
		trace->len = 0;
		if (found != SMTP_TRACE_FINE)
			return found;
	}
	return SMTP_TRACE_FINE;
}
