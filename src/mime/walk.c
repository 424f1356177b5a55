#include "mime/walk.h"

#include "mail/header.h"

#define VALUE_MAX                                                            \
	((size_t)16384) /* of a field; what is longer is not read to its end \
			 */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void begin_part(struct walk *walk, size_t parent, bool is_message)
{
	size_t number = walk->part.parent == NO_PART && parent == NO_PART
				? 0
				: walk->part.number + 1;

	walk->part = (struct mime_part){ .number = number,
					 .parent = parent,
					 .is_message = is_message };
	walk->in_header = true;
	walk->any_field = false;
	walk->in_digest =
		walk->depth && !is_message && walk->frames[walk->depth - 1].digest;
	buf_reset(&walk->type);
	buf_reset(&walk->encoding);
}

void walk_init(struct walk *walk)
{
	*walk = (struct walk){ .part = { .parent = NO_PART },
			       .type = BUF_INIT(VALUE_MAX),
			       .encoding = BUF_INIT(VALUE_MAX) };
	begin_part(walk, NO_PART, true);
}

void walk_clear(struct walk *walk)
{
	buf_clear(&walk->type);
	buf_clear(&walk->encoding);
}

enum border {
	NO_BORDER,
	NEXT_PART, /* --boundary */
	LAST_PART  /* --boundary-- */
};

static enum border match(const struct walk_frame *frame, struct span line)
{
	size_t len = strlen(frame->boundary);
	enum border border = NEXT_PART;

	line = span_after(line, 2);
	if (line.len < len || memcmp(line.at, frame->boundary, len) != 0)
		return NO_BORDER;
	line = span_after(line, len);
	if (line.len >= 2 && memcmp(line.at, "--", 2) == 0) {
		line = span_after(line, 2);
		border = LAST_PART;
	}
	while (line.len && is_blank(line.at[0]))
		line = span_after(line, 1);
	return line.len ? NO_BORDER : border;
}

/* A boundary line ends all parts inside its multipart. */
static bool cross(struct walk *walk, const struct text_line *line, struct walk_step *step)
{
	enum border border = NO_BORDER;
	size_t at = walk->depth;

	if (!line->begins || line->more || line->text.len < 2 ||
	    memcmp(line->text.at, "--", 2) != 0)
		return false;
	while (at && border == NO_BORDER)
		border = match(&walk->frames[--at], line->text);
	if (border == NO_BORDER)
		return false;
	*step = (struct walk_step){ .zone = WALK_BOUNDARY,
				    .part = walk->frames[at].part };
	walk->body_of = step->part;
	walk->in_header = false;
	if (border == LAST_PART) {
		walk->depth = at;
	} else {
		walk->depth = at + 1;
		begin_part(walk, step->part, false);
	}
	return true;
}

static void open_multipart(struct walk *walk, const struct media_type *type)
{
	struct walk_frame *frame = &walk->frames[walk->depth];

	if (walk->depth == WALK_DEPTH_MAX) {
		walk->part.kind = MEDIA_UNTOUCHABLE;
		return;
	}
	walk->depth++;
	frame->part = walk->part.number;
	frame->digest = type->digest;
	memcpy(frame->boundary, type->boundary, sizeof(frame->boundary));
}

/*
 * The header is complete. RFC 2045 6.4 allows no encoding of a container. A multipart
 * that claims one is nevertheless not encoded, as experience shows, and the claim is
 * passed over; an encoded message/rfc822 does exist, and is a leaf.
 */
static void end_header(struct walk *walk, bool separated)
{
	struct mime_part *part = &walk->part;
	struct media_type type;

	walk->in_header = false;
	walk->body_of = part->number;
	media_type_parse(buf_span(&walk->type), &type);
	part->encoding = transfer_encoding_parse(buf_span(&walk->encoding));
	part->kind = type.kind;
	if (!part->has_type && walk->in_digest)
		part->kind = MEDIA_MESSAGE;
	if (part->kind == MEDIA_MULTIPART)
		open_multipart(walk, &type);
	if (part->kind != MEDIA_MESSAGE)
		return;
	if (part->encoding == ENCODING_QUOTED_PRINTABLE ||
	    part->encoding == ENCODING_BASE64)
		part->kind = MEDIA_LEAF;
	else if (part->encoding == ENCODING_PRIVATE || !separated)
		part->kind = MEDIA_UNTOUCHABLE;
}

static void read_name(struct walk *walk, struct span name)
{
	struct mime_part *part = &walk->part;

	walk->field = FIELD_OTHER;
	if (span_is_word(name, "Content-Type") && !part->has_type) {
		walk->field = FIELD_TYPE;
		part->has_type = true;
	} else if (span_is_word(name, "Content-Transfer-Encoding")) {
		walk->field = FIELD_ENCODING;
	} else if (span_is_word(name, "MIME-Version")) {
		walk->field = FIELD_VERSION;
		part->has_version = true;
	}
}

/* Of two encodings the first one counts, as for the type. */
static void keep_value(struct walk *walk, struct span text, bool begins)
{
	struct buf *value = walk->field == FIELD_TYPE ? &walk->type : &walk->encoding;

	if (begins)
		walk->keeps =
			(walk->field == FIELD_TYPE || walk->field == FIELD_ENCODING) &&
			!value->len;
	/* Past its ceiling a value is not read to its end. */
	if (walk->keeps && !(buf_append_byte(value, ' ') && buf_append_span(value, text)))
		walk->keeps = false;
}

/* False: the line is none of the header's. */
static bool header_line(struct walk *walk, const struct text_line *line,
			struct walk_step *step)
{
	struct span rest = line->text;
	struct header_field field;

	*step = (struct walk_step){ .zone = WALK_HEADER, .part = walk->part.number };
	if (!line->begins || (walk->any_field && rest.len && is_blank(rest.at[0]))) {
		keep_value(walk, rest, false);
	} else if (header_next(&rest, &field)) {
		walk->any_field = true;
		step->field_begins = true;
		read_name(walk, field.name);
		step->field = walk->field;
		keep_value(walk, field.value, true);
		return true;
	} else {
		return false;
	}
	step->field = walk->field;
	return true;
}

struct walk_step walk_line(struct walk *walk, const struct text_line *line)
{
	struct walk_step step;

	/* The message inside one begins behind the separator. */
	if (!walk->in_header && walk->part.kind == MEDIA_MESSAGE)
		begin_part(walk, walk->part.number, true);
	if (cross(walk, line, &step))
		return step;
	if (walk->in_header && line->begins && !line->more && !line->text.len) {
		step = (struct walk_step){ .zone = WALK_SEPARATOR,
					   .part = walk->part.number };
		end_header(walk, true);
		return step;
	}
	if (walk->in_header && header_line(walk, line, &step))
		return step;
	step = (struct walk_step){ .zone = WALK_BODY };
	if (walk->in_header) {
		end_header(walk, false);
		step.unseparated = true;
	}
	step.part = walk->body_of;
	return step;
}
