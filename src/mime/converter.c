#include "mime/converter.h"

#include <stdlib.h>

#include "mime/fold.h"

struct converter {
	struct plan plan;
	struct line_splitter lines;
	struct walk walk;
	struct recoder recoder; /* of the body that is being written */
	struct folder folder;
	bool label_is_put; /* the part's new encoding, in place of the old one ... */
	bool drops_field;  /* ... whose lines do not leave */
};

struct converter *converter_new(const struct convert_need *need)
{
	struct converter *converter = must_alloc(sizeof(*converter));

	plan_init(&converter->plan, need);
	walk_init(&converter->walk);
	return converter;
}

void converter_free(struct converter *converter)
{
	if (!converter)
		return;
	plan_clear(&converter->plan);
	walk_clear(&converter->walk);
	free(converter);
}

static void look_at(struct converter *converter, const struct text_line *line)
{
	struct walk_step step = walk_line(&converter->walk, line);

	plan_look(&converter->plan, &converter->walk, &step, line);
}

void converter_look(struct converter *converter, struct span piece)
{
	struct text_line line;

	while (line_next(&converter->lines, &piece, &line))
		look_at(converter, &line);
}

bool converter_decide(struct converter *converter)
{
	struct text_line line;

	if (line_last(&converter->lines, &line))
		look_at(converter, &line);
	return plan_decide(&converter->plan);
}

enum convert_left converter_left(const struct converter *converter)
{
	return converter->plan.left;
}

const char *convert_left_words(enum convert_left left)
{
	static const char *const words[] = {
		[LEFT_NOTHING] = NULL,
		[LEFT_SIGNED] =
			"It is signed or encrypted and has lines of over 998 octets or 8-bit "
			"letters, which not every server takes. They could not be changed, "
			"since that breaks the signature. Please send it again unsigned, or "
			"with shorter lines.",
		[LEFT_OTHER] =
			"It has lines of over 998 octets or 8-bit letters, which not every "
			"server takes, in a place that could not be changed. Please send it "
			"again with shorter lines.",
	};

	return words[left];
}

void converter_rewind(struct converter *converter)
{
	converter->lines = (struct line_splitter){ .len = 0 };
	converter->recoder = (struct recoder){ .how = RECODE_NOTHING };
	converter->folder = (struct folder){ .len = 0 };
	converter->label_is_put = false;
	converter->drops_field = false;
	walk_clear(&converter->walk);
	walk_init(&converter->walk);
}

static bool put_label(struct converter *converter, const struct plan_part *part,
		      struct buf *out)
{
	static const char *const words[] = {
		[LABEL_STAYS] = NULL,
		[LABEL_QUOTED_PRINTABLE] = "quoted-printable",
		[LABEL_BASE64] = "base64",
		[LABEL_7BIT] = "7bit",
	};

	if (converter->label_is_put || part->label == LABEL_STAYS)
		return true;
	converter->label_is_put = true;
	return buf_appendf(out, "Content-Transfer-Encoding: %s\n", words[part->label]);
}

static bool put_header_line(struct converter *converter, const struct plan_part *part,
			    const struct walk_step *step, const struct text_line *line,
			    struct buf *out)
{
	if (step->field_begins)
		converter->drops_field = part && part->label != LABEL_STAYS &&
					 step->field == FIELD_ENCODING;
	if (converter->drops_field)
		return put_label(converter, part, out);
	if (converter->plan.need.short_lines)
		return folder_line(&converter->folder, line, out);
	return recoder_line(&converter->recoder, line, out);
}

/* The fields that the header lacks, and an empty line where it has none. */
static bool put_header_end(struct converter *converter, const struct plan_part *part,
			   bool unseparated, struct buf *out)
{
	static const char *const types[] = {
		[TYPE_STAYS] = "",
		[TYPE_UTF8] = "Content-Type: text/plain; charset=utf-8\n",
		[TYPE_UNKNOWN] = "Content-Type: text/plain; charset=unknown-8bit\n",
	};
	size_t before = out->len;

	converter->drops_field = false;
	if (!part)
		return true;
	if (!buf_append_text(out, part->add_version ? "MIME-Version: 1.0\n" : "") ||
	    !buf_append_text(out, types[part->type]) || !put_label(converter, part, out))
		return false;
	converter->label_is_put = false;
	/* What is no field now may look like one when it is encoded. */
	return !unseparated || (out->len == before && part->body == RECODE_NOTHING) ||
	       buf_append_byte(out, '\n');
}

static bool put_boundary(struct converter *converter, const struct text_line *line,
			 struct buf *out)
{
	converter->label_is_put = false;
	return recoder_end(&converter->recoder, true, out) &&
	       recoder_line(&converter->recoder, line, out);
}

static bool convert_line(struct converter *converter, const struct text_line *line,
			 struct buf *out)
{
	struct walk_step step = walk_line(&converter->walk, line);
	const struct plan_part *part = plan_part(&converter->plan, step.part);

	switch (step.zone) {
	case WALK_HEADER:
		return put_header_line(converter, part, &step, line, out);
	case WALK_SEPARATOR:
		return put_header_end(converter, part, false, out) &&
		       recoder_line(&converter->recoder, line, out);
	case WALK_BOUNDARY:
		return put_boundary(converter, line, out);
	case WALK_BODY:
		break;
	}
	if (step.unseparated && !put_header_end(converter, part, true, out))
		return false;
	converter->recoder.how = part ? part->body : RECODE_NOTHING;
	return recoder_line(&converter->recoder, line, out);
}

bool converter_feed(struct converter *converter, struct span piece, struct buf *out)
{
	struct text_line line;

	while (line_next(&converter->lines, &piece, &line))
		if (!convert_line(converter, &line, out))
			return false;
	return true;
}

bool converter_finish(struct converter *converter, struct buf *out)
{
	struct text_line line;

	if (line_last(&converter->lines, &line) && !convert_line(converter, &line, out))
		return false;
	return recoder_end(&converter->recoder, false, out);
}
