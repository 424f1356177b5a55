/*
 * Words to look for in what a server says.
 *
 *   pattern = part *( "&" part )    each part is found somewhere
 *   part    = 1*element             the elements follow one another
 *
 * An element is a word ("reject*", "*quota": the "*" stands for the rest of the word),
 * "*" (any number of words), "..." (up to four words), "<ip>", "<address>", "<sender>"
 * and "<recipient>" (of the letter that was refused), "<number>",
 * "<time>", "/word" (a word inside a URL) or "{set}" (one of the phrases of a set).
 */
#ifndef VERDICT_REPLY_PATTERN_H
#define VERDICT_REPLY_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"
#include "verdict/reply_tokens.h"

struct reply_pattern_element;
struct reply_pattern_set;

/* A pattern, or a phrase of a set: a piece of a pattern_book's elements. */
struct reply_pattern {
	size_t first;
	size_t count;
};

/* All that was compiled; patterns name their elements and sets by number. Valid when
 * zeroed; clear with reply_pattern_book_clear. */
struct reply_pattern_book {
	struct reply_pattern_element *elements;
	size_t element_count;
	struct reply_pattern_set *sets;
	size_t set_count;
};

void reply_pattern_book_clear(struct reply_pattern_book *book);

/* Both borrow `text` for as long as the book lives, and change its letters to lower case.
 * They return NULL, or what is wrong with the text and what to write instead. */
const char *reply_pattern_add(struct reply_pattern_book *book, char *text, size_t len,
			      struct reply_pattern *pattern_out) MUST_USE;
/* Phrases with "|" between; a set that is there already gets more. */
const char *reply_pattern_add_set(struct reply_pattern_book *book, struct span name,
				  char *text, size_t len) MUST_USE;

bool reply_pattern_is_found(const struct reply_pattern_book *book,
			    struct reply_pattern pattern,
			    const struct reply_tokens *tokens) MUST_USE;
/* Of a pattern that ends with "<time>": whether it is found, and what time it tells. */
bool reply_pattern_find_time(const struct reply_pattern_book *book,
			     struct reply_pattern pattern,
			     const struct reply_tokens *tokens,
			     uint32_t *seconds_out) MUST_USE;
bool reply_pattern_ends_with_time(const struct reply_pattern_book *book,
				  struct reply_pattern pattern) MUST_USE;

#endif
