#include "mail/header_rewrite.h"

#include <string.h>

#include "mail/header.h"

#define LINE_MAX_BYTES 998

struct copying {
	address_exchange *exchange;
	const void *ctx;
	struct span value;
	size_t copied; /* of value */
	bool changed;
	struct buf *out;
};

static bool has_addresses(struct span name)
{
	static const char *const names[] = { "From",
					     "Sender",
					     "Reply-To",
					     "To",
					     "Cc",
					     "Resent-From",
					     "Resent-Sender",
					     "Resent-Reply-To",
					     "Resent-To",
					     "Resent-Cc",
					     "Return-Receipt-To",
					     "Errors-To",
					     "Mail-Followup-To",
					     "Disposition-Notification-To" };

	for (size_t i = 0; i < LENGTH(names); i++)
		if (span_is_word(name, names[i]))
			return true;
	return false;
}

static bool no_room(struct err *err)
{
	return err_permanent(err, "5.3.4", "the header is too large");
}

static size_t line_length(const struct buf *out)
{
	const char *lf = out->len ? memrchr(out->data, '\n', out->len) : NULL;

	return lf ? out->len - (size_t)(lf + 1 - out->data) : out->len;
}

/* What stands between two addresses, folded at its first blank where the line would
 * become too long with it and the `more` bytes behind it. */
static bool copy_gap(struct buf *out, struct span gap, size_t more)
{
	size_t blank = 0;

	while (blank < gap.len && gap.at[blank] != ' ' && gap.at[blank] != '\t')
		blank++;
	if (line_length(out) + gap.len + more <= LINE_MAX_BYTES || blank == gap.len ||
	    line_length(out) + blank == 0 || memchr(gap.at, '\n', gap.len))
		return buf_append_span(out, gap);
	return buf_append(out, gap.at, blank) && buf_append_byte(out, '\n') &&
	       buf_append_span(out, span_after(gap, blank));
}

static bool copy_address(void *ctx, const char *address, struct span place,
			 struct err *err)
{
	struct copying *copying = ctx;
	size_t at = (size_t)(place.at - copying->value.at);
	struct span gap = { copying->value.at + copying->copied, at - copying->copied };
	AUTO_BUF wire = BUF_INIT(ADDRESS_WIRE_MAX);
	char instead[ADDRESS_MAX];
	bool changes = copying->exchange(copying->ctx, address, instead) &&
		       address_append(&wire, instead);
	struct span piece = changes ? buf_span(&wire) : place;

	if (!copy_gap(copying->out, gap, piece.len) ||
	    !buf_append_span(copying->out, piece))
		return no_room(err);
	copying->changed = copying->changed || changes;
	copying->copied = at + place.len;
	return true;
}

/* Name and colon stand in out already. False: out is past its ceiling. */
static bool copy_value(struct copying *copying)
{
	size_t len = copying->out->len;
	bool before = copying->changed;
	struct err ignored;

	if (header_addresses_at(copying->value, copy_address, copying, &ignored) &&
	    copying->changed != before &&
	    buf_append_span(copying->out, span_after(copying->value, copying->copied)))
		return true;
	/* Nothing to change, or no list that could be read: as it is. */
	copying->changed = before;
	buf_cut(copying->out, len);
	return buf_append_span(copying->out, copying->value);
}

static bool copy_field(struct copying *copying, const struct header_field *field)
{
	const char *value_end = field->value.at + field->value.len;
	struct span name = { field->whole.at,
			     (size_t)(field->value.at - field->whole.at) };
	struct span line_end = { value_end, (size_t)(field->whole.at + field->whole.len -
						     value_end) };
	bool before = copying->changed;
	bool copied;

	if (!has_addresses(field->name))
		return buf_append_span(copying->out, field->whole);
	copying->value = field->value;
	copying->copied = 0;
	copying->changed = false;
	copied = buf_append_span(copying->out, name) && copy_value(copying) &&
		 buf_append_span(copying->out, line_end);
	copying->changed = copying->changed || before;
	return copied;
}

bool header_rewrite(struct span header, address_exchange *exchange, const void *ctx,
		    struct buf *out)
{
	struct copying copying = { .exchange = exchange, .ctx = ctx, .out = out };
	size_t len = out->len;
	struct header_field field;
	bool copied = true;

	while (copied && header_next(&header, &field))
		copied = copy_field(&copying, &field);
	if (copied && copying.changed && buf_append_span(out, header))
		return true;
	buf_cut(out, len);
	return false;
}
