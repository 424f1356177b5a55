/*
 * Growing byte string with a ceiling.
 *
 * data is never NULL and always ends in a NUL that len does not count, so it can be
 * handed to C string functions; it may also hold NULs of its own. A buf past its max is
 * the peer's fault, not ours: appends return false and leave the buf as it was.
 * Running out of memory ends the program with 75: the mail stays where it is.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/span.h"

struct buf {
	char *data;
	size_t len;
	size_t room; /* bytes owned at data; 0 while data is buf_empty */
	size_t max;
};

extern char buf_empty[1];
#define BUF_INIT(ceiling) ((struct buf){ .data = buf_empty, .max = (ceiling) })
#define AUTO_BUF          AUTO(buf_clear) struct buf

/* Frees what is owned; the buf is empty and usable afterwards. */
void buf_clear(struct buf *buf);
/* Empties it and keeps the memory. */
void buf_reset(struct buf *buf);

bool buf_append(struct buf *buf, const void *bytes, size_t len) MUST_USE;
bool buf_append_text(struct buf *buf, const char *text) MUST_USE;
bool buf_append_span(struct buf *buf, struct span span) MUST_USE;
bool buf_append_byte(struct buf *buf, char byte) MUST_USE;
bool buf_appendf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3) MUST_USE;
bool buf_appendv(struct buf *buf, const char *fmt, va_list args) PRINTF(2, 0) MUST_USE;

/* Room for `len` more bytes at data + len, for a read() straight into it; the caller then
 * adds what it wrote to len with buf_wrote. NULL past the ceiling. */
char *buf_reserve(struct buf *buf, size_t len) MUST_USE;
void buf_wrote(struct buf *buf, size_t len);

/* Shortens it to its first `len` bytes, which it has. */
void buf_cut(struct buf *buf, size_t len);

/* Drops the first `len` bytes and moves the rest to the front. */
void buf_consume(struct buf *buf, size_t len);

static inline struct span buf_span(const struct buf *buf)
{
	return (struct span){ buf->data, buf->len };
}

/* Caller frees. The buf is empty afterwards. */
char *buf_take(struct buf *buf);

/* malloc and friends that end the program with 75 instead of returning NULL. */
void *must_alloc(size_t bytes) MUST_USE; /* zeroed */
void *must_resize(void *at, size_t count, size_t bytes_each) MUST_USE;
char *must_copy(const char *text) MUST_USE;

#endif
