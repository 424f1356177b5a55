#include "mime/line.h"

static void drop_given(struct line_splitter *splitter)
{
	splitter->len -= splitter->given;
	memmove(splitter->held, splitter->held + splitter->given, splitter->len);
	splitter->given = 0;
}

static void give(struct line_splitter *splitter, size_t len, struct text_line *line)
{
	line->text = (struct span){ splitter->held, len };
	line->begins = !splitter->inside;
	splitter->given = len;
	splitter->inside = line->more;
}

bool line_next(struct line_splitter *splitter, struct span *bytes,
	       struct text_line *line_out)
{
	size_t room, take;
	const char *lf;

	drop_given(splitter);
	room = sizeof(splitter->held) - splitter->len;
	take = bytes->len < room ? bytes->len : room;
	lf = take ? memchr(bytes->at, '\n', take) : NULL;
	if (lf)
		take = (size_t)(lf - bytes->at);
	if (take)
		memcpy(splitter->held + splitter->len, bytes->at, take);
	splitter->len += take;
	*bytes = span_after(*bytes, take + (lf ? 1 : 0));
	*line_out = (struct text_line){ .ended = lf != NULL };
	if (lf) {
		size_t len = splitter->len;

		line_out->ended_cr = len && splitter->held[len - 1] == '\r';
		give(splitter, len - line_out->ended_cr, line_out);
		splitter->given = len;
		return true;
	}
	if (splitter->len < sizeof(splitter->held))
		return false;
	line_out->more = true;
	/* A CR at the end may belong to the line's end. */
	give(splitter, splitter->len - (splitter->held[splitter->len - 1] == '\r'),
	     line_out);
	return true;
}

bool line_last(struct line_splitter *splitter, struct text_line *line_out)
{
	drop_given(splitter);
	*line_out = (struct text_line){ .more = false };
	if (!splitter->len && !splitter->inside)
		return false;
	give(splitter, splitter->len, line_out);
	return true;
}
