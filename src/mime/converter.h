/*
 * A message in the form that a server takes which does not offer 8BITMIME, or refuses
 * lines of over 998 octets (plan.c has the policy).
 *
 * Nothing is stored: the message, with LF line ends, goes through it in pieces. First all
 * of it is looked at, then it may be converted any number of times, with the same result
 * whatever the pieces. Memory does not grow with the message, but for some bytes a part.
 *
 *	converter = converter_new(&need);
 *	for each piece: converter_look(converter, piece);
 *	if (converter_decide(converter))
 *		for each time:
 *			converter_rewind(converter);
 *			for each piece: converter_feed(converter, piece, out);
 *			converter_finish(converter, out);
 */
#ifndef MIME_CONVERTER_H
#define MIME_CONVERTER_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"
#include "mime/plan.h"

/* What a feed of so many bytes may append at most, and a little more. */
#define CONVERTER_ROOM(bytes) ((size_t)64 * (bytes) + 65536)

struct converter;
struct converter *converter_new(const struct convert_need *need);
void converter_free(struct converter *converter); /* NULL does nothing */

void converter_look(struct converter *converter, struct span piece);
/* False: the message leaves as it is. */
bool converter_decide(struct converter *converter);
/* After converter_decide, whatever that said. */
enum convert_left converter_left(const struct converter *converter);

/* What a person is told about it, if the server refuses the message; NULL: nothing was
 * left. */
const char *convert_left_words(enum convert_left left);

void converter_rewind(struct converter *converter);
/* False: past out's ceiling. */
bool converter_feed(struct converter *converter, struct span piece,
		    struct buf *out) MUST_USE;
bool converter_finish(struct converter *converter, struct buf *out) MUST_USE;

#endif
