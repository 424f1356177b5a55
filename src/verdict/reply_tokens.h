/*
 * A server's words, made comparable: what was said becomes a row of tokens. Letters are
 * lower case, accents are dropped (also those of UTF-8), "SendAsDenied" is three words as
 * "send-as denied" is, "doesn't" is "doesnt". Addresses, IP addresses, numbers and times
 * are tokens of their own kind, and words inside a URL are marked, so that the name of a
 * help page is not taken for what the server says.
 */
#ifndef VERDICT_REPLY_TOKENS_H
#define VERDICT_REPLY_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

#define REPLY_TOKENS_MAX      512  /* further words are not looked at */
#define REPLY_TOKENS_TEXT_MAX 4096 /* nor are further bytes */

enum reply_token_kind {
	REPLY_WORD,
	REPLY_LINK, /* a word inside a URL */
	REPLY_NUMBER,
	REPLY_CLOCK, /* 00:05:00 */
	REPLY_ADDRESS,
	REPLY_IP,
};

struct reply_token {
	enum reply_token_kind kind;
	struct span text; /* lower case, in the row's own bytes; "" for an IP address */
};

struct reply_tokens {
	struct reply_token at[REPLY_TOKENS_MAX];
	size_t count;
	char bytes[REPLY_TOKENS_TEXT_MAX];
	size_t used;
	struct span
		sender; /* for "<sender>" and "<recipient>" in patterns: whose letter */
	struct span
		recipient; /* was refused, "" if that is not known; not changed here */
};

/* Too large for a copy: give the place to fill. */
void reply_tokens_read(struct reply_tokens *tokens, struct span text);

/* The next word of `text` as reply_tokens_read parts them: letters, digits and "*", as
 * they stand. False at the end. For patterns, which are parted in the same way. */
bool reply_tokens_next_word(struct span *text, struct span *word_out);

/* A time at tokens[at]: "5 minutes", "5m", "an hour", "00:05:00". Returns how many tokens
 * it takes, 0 if there is none. */
size_t reply_tokens_time(const struct reply_tokens *tokens, size_t at,
			 uint32_t *seconds_out);

#endif
