/*
 * Words to look for in what a server says.
 *
 *   pattern = part *( "&" part )    each part is found somewhere
 *   part    = 1*element             the elements follow one another
 *
 * An element is a word ("reject*", "*quota": the "*" stands for the rest of the word),
 * "*" (any number of words), "..." (up to four words), "<ip>", "<address>", "<number>",
 * "<time>", "/word" (a word inside a URL) or "{set}" (one of the phrases of a set).
 */
#ifndef VERDICT_PATTERN_H
#define VERDICT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"
#include "verdict/tokens.h"

struct pattern_element;
struct pattern_set;

/* A pattern, or a phrase of a set: a piece of a pattern_book's elements. */
struct pattern {
	size_t first;
	size_t count;
};

/* All that was compiled; patterns name their elements and sets by number. Valid when
 * zeroed; clear with pattern_book_clear. */
struct pattern_book {
	struct pattern_element *elements;
	size_t element_count;
	struct pattern_set *sets;
	size_t set_count;
};

void pattern_book_clear(struct pattern_book *book);

/* Both borrow `text` for as long as the book lives, and change its letters to lower case.
 * They return NULL, or what is wrong with the text and what to write instead. */
const char *pattern_add(struct pattern_book *book, char *text, size_t len,
			struct pattern *pattern_out) MUST_USE;
/* Phrases with "|" between; a set that is there already gets more. */
const char *pattern_add_set(struct pattern_book *book, struct span name, char *text,
			    size_t len) MUST_USE;

bool pattern_is_found(const struct pattern_book *book, struct pattern pattern,
		      const struct tokens *tokens) MUST_USE;
/* Of a pattern that ends with "<time>": whether it is found, and what time it tells. */
bool pattern_find_time(const struct pattern_book *book, struct pattern pattern,
		       const struct tokens *tokens, uint32_t *seconds_out) MUST_USE;
bool pattern_ends_with_time(const struct pattern_book *book,
			    struct pattern pattern) MUST_USE;

#endif
