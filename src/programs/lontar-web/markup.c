#include "programs/lontar-web/markup.h"

#include <stdarg.h>
#include <string.h>

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n"
	"<style>body{font-family:sans-serif;margin:1em;max-width:60em}"
	"table{border-collapse:collapse}td,th{padding:.3em .8em .3em 0;text-align:left;"
	"vertical-align:top;border-bottom:1px solid #ccc}form{margin:0}</style>\n"
	"</head><body>\n<h1>%s</h1>\n";

static void append(struct buf *body, const char *bytes, size_t len)
{
	(void)!buf_append(body, bytes, len);
}

static void append_escaped(struct buf *body, const char *text)
{
	static const struct {
		char byte;
		const char *written;
	} escapes[] = { { '&', "&amp;" },
			{ '<', "&lt;" },
			{ '>', "&gt;" },
			{ '"', "&quot;" },
			{ '\'', "&#39;" } };

	for (; *text; text++) {
		const char *written = NULL;

		for (size_t i = 0; i < LENGTH(escapes); i++)
			if (*text == escapes[i].byte)
				written = escapes[i].written;
		append(body, written ? written : text, written ? strlen(written) : 1);
	}
}

void markup(struct buf *body, const char *fmt, ...)
{
	va_list args;
	const char *end;

	va_start(args, fmt);
	for (; (end = strstr(fmt, "%s")); fmt = end + 2) {
		append(body, fmt, (size_t)(end - fmt));
		append_escaped(body, va_arg(args, const char *));
	}
	va_end(args);
	append(body, fmt, strlen(fmt));
}

void markup_begin(struct buf *body, const char *title)
{
	markup(body, head, title, title);
}

void markup_end(struct buf *body)
{
	markup(body, "</body></html>\n");
}
