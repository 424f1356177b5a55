#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

char buf_empty[1] = "";

/* Allocates nothing on its way out. */
static _Noreturn void no_memory(void)
{
	static const char text[] = "out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	_exit(EX_TEMPFAIL);
}

void *must_alloc(size_t bytes)
{
	void *at = calloc(1, bytes ? bytes : 1);

	if (!at)
		no_memory();
	return at;
}

void *must_resize(void *at, size_t count, size_t bytes_each)
{
	void *resized = reallocarray(at, count ? count : 1, bytes_each);

	if (!resized)
		no_memory();
	return resized;
}

char *must_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		no_memory();
	return copy;
}

void buf_clear(struct buf *buf)
{
	if (buf->room)
		free(buf->data);
	buf->data = buf_empty;
	buf->len = buf->room = 0;
}

void buf_reset(struct buf *buf)
{
	buf->len = 0;
	if (buf->room)
		buf->data[0] = '\0';
}

char *buf_reserve(struct buf *buf, size_t len)
{
	size_t need, room;

	if (len > buf->max || buf->len > buf->max - len)
		return NULL;
	need = buf->len + len + 1;
	if (need > buf->room) {
		room = buf->room ? buf->room : 64;
		while (room < need)
			room *= 2;
		buf->data = must_resize(buf->room ? buf->data : NULL, room, 1);
		buf->room = room;
		buf->data[buf->len] = '\0';
	}
	return buf->data + buf->len;
}

void buf_wrote(struct buf *buf, size_t len)
{
	buf->len += len;
	if (buf->room)
		buf->data[buf->len] = '\0';
}

bool buf_append(struct buf *buf, const void *bytes, size_t len)
{
	char *at = buf_reserve(buf, len);

	if (!at)
		return false;
	if (len) /* an empty span may point nowhere */
		memcpy(at, bytes, len);
	buf_wrote(buf, len);
	return true;
}

bool buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

bool buf_append_span(struct buf *buf, struct span span)
{
	return buf_append(buf, span.at, span.len);
}

bool buf_append_byte(struct buf *buf, char byte)
{
	return buf_append(buf, &byte, 1);
}

bool buf_appendv(struct buf *buf, const char *fmt, va_list args)
{
	va_list again;
	char *at;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	at = len < 0 ? NULL : buf_reserve(buf, (size_t)len);
	if (!at)
		return false;
	vsnprintf(at, (size_t)len + 1, fmt, args);
	buf_wrote(buf, (size_t)len);
	return true;
}

bool buf_appendf(struct buf *buf, const char *fmt, ...)
{
	bool fits;
	va_list args;

	va_start(args, fmt);
	fits = buf_appendv(buf, fmt, args);
	va_end(args);
	return fits;
}

void buf_cut(struct buf *buf, size_t len)
{
	buf->len = len;
	if (buf->room)
		buf->data[len] = '\0';
}

void buf_consume(struct buf *buf, size_t len)
{
	if (!len)
		return;
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
	buf->data[buf->len] = '\0';
}

char *buf_take(struct buf *buf)
{
	char *data = buf->room ? buf->data : must_copy("");

	*buf = BUF_INIT(buf->max);
	return data;
}
