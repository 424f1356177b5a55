/*
 * Policy. A message is changed only if the server would otherwise get what it does not
 * offer to take, and then only the parts that are in the way; all others leave byte by
 * byte as they are. What readers see never changes: each content decodes to exactly what
 * it was. Postfix is the model for 8-bit bytes. Long lines it breaks raw, which changes
 * what is said; here they are encoded.
 *
 *  - A part with 8-bit bytes (for a server without 8BITMIME), or with a line of over 998
 *    octets, leaves as quoted-printable, or as base64 if that is shorter. Lines are never
 *    broken raw: that would change the content. Only 8-bit header fields are left as they
 *    are, as Postfix leaves them: without SMTPUTF8 no form of them is right.
 *  - A part that is quoted-printable or base64 already, but has such bytes or lines all
 *    the same, keeps its encoding; only its lines are broken and its stray bytes encoded
 *    (or, in base64, dropped, as every reader has to: RFC 2045 6.8).
 *  - A part without Content-Type is text/plain. If it has 8-bit bytes, it is labelled
 *    utf-8 if it is that, else unknown-8bit (RFC 1428), and its message becomes a MIME
 *    message by a MIME-Version field.
 *  - Containers cannot be encoded (RFC 2045 6.4). The text in front of the first boundary
 *    and behind the last one, which readers ignore, is written as quoted-printable
 *    without a label. A container labelled 8bit becomes 7bit if all in it now is.
 *  - multipart/signed and multipart/encrypted stay untouched, with all inside (RFC 1847
 *    2.1: the signature is over these very bytes). They go as they are, and the caller is
 *    told. So do parts that may not be encoded (message/partial), have an encoding of
 *    their own (x-uuencode), or that cannot be understood.
 *  - Content that is signed inside an ordinary part (PGP in the text, a PKCS #7 file) is
 *    converted like any: its reader decodes the part before it checks the signature.
 *  - A DKIM signature is no reason to leave a message alone, though a conversion breaks
 *    it: the server may refuse or garble the message, and a letter that arrives is worth
 *    more than its signature. Postfix does the same.
 */
#include "mime/plan.h"

#include <stdlib.h>

#define PARTS_MAX ((size_t)10000) /* of a message; what is further behind stays */

void plan_init(struct plan *plan, const struct convert_need *need)
{
	*plan = (struct plan){ .need = *need };
}

void plan_clear(struct plan *plan)
{
	free(plan->parts);
	*plan = (struct plan){ 0 };
}

const struct plan_part *plan_part(const struct plan *plan, size_t number)
{
	return number < plan->count ? &plan->parts[number] : NULL;
}

/* NULL: there are too many. */
static struct plan_part *find_part(struct plan *plan, size_t number)
{
	if (number >= PARTS_MAX)
		return NULL;
	if (number >= plan->room) {
		plan->room = plan->room ? 2 * plan->room : 8;
		plan->parts = must_resize(plan->parts, plan->room, sizeof(*plan->parts));
	}
	for (; plan->count <= number; plan->count++)
		plan->parts[plan->count] = (struct plan_part){ .part.parent = NO_PART };
	return &plan->parts[number];
}

static bool has_eight_bit(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.at[i] > 127)
			return true;
	return false;
}

static void look_at_body(struct plan_part *part, const struct text_line *line)
{
	for (size_t i = 0; i < line->text.len; i++) {
		unsigned char byte = (unsigned char)line->text.at[i];

		part->eight_bit = part->eight_bit || byte > 127;
		part->escapes += byte > 126 || byte == '=' || (byte < 32 && byte != '\t');
	}
	part->bytes += line->text.len + (line->ended ? 2 : 0);
	part->long_line = part->long_line || line_is_long(line);
	utf8_check_take(&part->utf8, line->text);
}

static bool is_in_the_way(const struct plan *plan, bool eight_bit, bool long_line)
{
	return (plan->need.seven_bit && eight_bit) ||
	       (plan->need.short_lines && long_line);
}

/* What cannot be noted stays. */
static void look_at_rest(struct plan *plan, const struct text_line *line)
{
	if (is_in_the_way(plan, has_eight_bit(line->text), line_is_long(line)))
		plan->left = LEFT_OTHER;
}

void plan_look(struct plan *plan, const struct walk *walk, const struct walk_step *step,
	       const struct text_line *line)
{
	struct plan_part *part = find_part(plan, step->part);

	if (!part) {
		look_at_rest(plan, line);
		return;
	}
	switch (step->zone) {
	case WALK_HEADER:
		part->part = walk->part;
		part->header_eight_bit =
			part->header_eight_bit || has_eight_bit(line->text);
		plan->folds =
			plan->folds || (plan->need.short_lines && line_is_long(line));
		break;
	case WALK_SEPARATOR:
		part->part = walk->part;
		break;
	case WALK_BODY:
		if (step->unseparated)
			part->part = walk->part;
		look_at_body(part, line);
		break;
	case WALK_BOUNDARY:
		part->divided = true;
		break;
	}
}

static void encode(struct plan_part *part)
{
	uint64_t quoted = part->bytes + 2 * part->escapes;
	/* A soft line break at each 75th, and three letters' room in a line of base64. */
	bool is_base64 = quoted + quoted / 25 > part->bytes * 4 / 3 * 78 / 76;

	part->body = is_base64 ? RECODE_BASE64 : RECODE_QUOTED_PRINTABLE;
	part->label = is_base64 ? LABEL_BASE64 : LABEL_QUOTED_PRINTABLE;
	part->changes = true;
	if (!part->part.has_type && part->eight_bit)
		part->type = utf8_check_is_good(&part->utf8) ? TYPE_UTF8 : TYPE_UNKNOWN;
}

static void leave(struct plan *plan, struct plan_part *part, enum convert_left why)
{
	part->stays_eight_bit = part->stays_eight_bit || part->eight_bit;
	if (plan->left == LEFT_NOTHING)
		plan->left = why;
}

static void decide_body(struct plan *plan, struct plan_part *part)
{
	enum media_kind kind = part->part.kind;

	if (!is_in_the_way(plan, part->eight_bit, part->long_line)) {
		part->stays_eight_bit = part->stays_eight_bit || part->eight_bit;
		return;
	}
	if (kind == MEDIA_SIGNED)
		leave(plan, part, LEFT_SIGNED);
	else if (kind == MEDIA_MULTIPART && part->divided)
		part->body = RECODE_QUOTED_PRINTABLE;
	else if (kind == MEDIA_UNTOUCHABLE || part->part.encoding == ENCODING_PRIVATE)
		leave(plan, part, LEFT_OTHER);
	else if (part->part.encoding == ENCODING_QUOTED_PRINTABLE)
		part->body = REPAIR_QUOTED_PRINTABLE;
	else if (part->part.encoding == ENCODING_BASE64)
		part->body = REPAIR_BASE64;
	else
		encode(part);
}

/* All parts inside it have been decided. */
static void decide_label(const struct plan *plan, struct plan_part *part)
{
	bool is_container = part->part.kind == MEDIA_MESSAGE ||
			    (part->part.kind == MEDIA_MULTIPART && part->divided);

	if (is_container && part->changes && plan->need.seven_bit &&
	    part->part.encoding == ENCODING_8BIT && !part->stays_eight_bit)
		part->label = LABEL_7BIT;
	part->add_version =
		part->changes && part->part.is_message && !part->part.has_version;
}

/* A part's number is above that of what it is in, so this goes from the inside out. */
bool plan_decide(struct plan *plan)
{
	bool any = plan->folds;

	for (size_t i = plan->count; i-- > 0;) {
		struct plan_part *part = &plan->parts[i], *parent;

		decide_body(plan, part);
		decide_label(plan, part);
		any = any || part->body != RECODE_NOTHING;
		if (part->part.parent >= i)
			continue;
		parent = &plan->parts[part->part.parent];
		parent->changes = parent->changes || part->changes;
		parent->stays_eight_bit = parent->stays_eight_bit ||
					  part->stays_eight_bit || part->header_eight_bit;
	}
	return any;
}
