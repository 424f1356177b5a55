/*
 * A server's words, made comparable: what was said becomes a row of tokens. Letters are
 * lower case, accents are dropped (also those of UTF-8), "SendAsDenied" is three words as
 * "send-as denied" is, "doesn't" is "doesnt". Addresses, IP addresses, numbers and times
 * are tokens of their own kind, and words inside a URL are marked, so that the name of a
 * help page is not taken for what the server says.
 */
#ifndef VERDICT_TOKENS_H
#define VERDICT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

#define TOKENS_MAX      512  /* further words are not looked at */
#define TOKENS_TEXT_MAX 4096 /* nor are further bytes */

enum token_kind {
	TOKEN_WORD,
	TOKEN_LINK, /* a word inside a URL */
	TOKEN_NUMBER,
	TOKEN_CLOCK, /* 00:05:00 */
	TOKEN_ADDRESS,
	TOKEN_IP,
};

struct token {
	enum token_kind kind;
	struct span text; /* lower case, in the row's own bytes; "" for addresses */
};

struct tokens {
	struct token at[TOKENS_MAX];
	size_t count;
	char bytes[TOKENS_TEXT_MAX];
	size_t used;
};

/* Too large for a copy: give the place to fill. */
void tokens_read(struct tokens *tokens, struct span text);

/* The next word of `text` as tokens_read parts them: letters, digits and "*", as they
 * stand. False at the end. For patterns, which are parted in the same way. */
bool tokens_next_word(struct span *text, struct span *word_out);

/* A time at tokens[at]: "5 minutes", "5m", "an hour", "00:05:00". Returns how many tokens
 * it takes, 0 if there is none. */
size_t tokens_time(const struct tokens *tokens, size_t at, uint32_t *seconds_out);

#endif
