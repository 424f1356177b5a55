/*
 * A borrowed piece of bytes: points into something parsed, owns nothing, may hold NULs.
 * Valid as long as what it points into.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *at;
	size_t len;
};

/* For printf's "%.*s". */
#define SPAN_ARG(span) (int)(span).len, (span).at

static inline struct span span_of(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static inline bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}

/* Equal but for ASCII case. */
static inline bool span_is_word(struct span span, const char *word)
{
	return span.len == strlen(word) && strncasecmp(span.at, word, span.len) == 0;
}

/* span without its first `bytes` bytes, at most all of them. */
static inline struct span span_after(struct span span, size_t bytes)
{
	if (bytes > span.len)
		bytes = span.len;
	return (struct span){ span.at + bytes, span.len - bytes };
}

/* Without spaces, tabs, CR and LF at either end. */
static inline struct span span_trim(struct span span)
{
	while (span.len && strchr(" \t\r\n", span.at[0]) && span.at[0])
		span = span_after(span, 1);
	while (span.len && strchr(" \t\r\n", span.at[span.len - 1]) &&
	       span.at[span.len - 1])
		span.len--;
	return span;
}

/* Takes what stands before the first `mark` off the front of *rest (all, where there is
 * none) and drops the mark. False when *rest was at its end (at NULL). */
static inline bool span_cut(struct span *rest, char mark, struct span *piece_out)
{
	const char *end;

	if (!rest->at)
		return false;
	end = memchr(rest->at, mark, rest->len);
	if (!end) {
		*piece_out = *rest;
		*rest = (struct span){ NULL, 0 };
		return true;
	}
	*piece_out = (struct span){ rest->at, (size_t)(end - rest->at) };
	*rest = span_after(*rest, piece_out->len + 1);
	return true;
}

#endif
