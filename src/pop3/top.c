#include "pop3/top.h"

static void end_line(struct top *top)
{
	if (top->in_body)
		top->lines--;
	else
		top->in_body = !top->line_has_text;
	top->line_has_text = false;
	top->done = top->in_body && top->lines == 0;
}

struct span top_take(struct top *top, struct span stored)
{
	struct span rest = stored;

	while (!top->done && rest.len) {
		const char *end = memchr(rest.at, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.at) : rest.len;

		/* A stored CR belongs to a foreign line end: that line is blank too. */
		if (len > 1 || (len == 1 && rest.at[0] != '\r'))
			top->line_has_text = true;
		if (end)
			end_line(top);
		rest = span_after(rest, end ? len + 1 : len);
	}
	stored.len -= rest.len;
	return stored;
}
