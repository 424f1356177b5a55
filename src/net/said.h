/*
 * The last reply of a server: its code, its RFC 3463 status and its words, of all its
 * lines. Before the connection is ready only the last reply matters, since the server
 * speaks only when it was asked.
 */
#ifndef NET_SAID_H
#define NET_SAID_H

#include <stdbool.h>

#include "base/span.h"

#define SAID_TEXT_MAX 1024

struct said {
	unsigned code;            /* SMTP's; 0: none */
	char status[12];          /* "5.7.8"; "" if none was given */
	char text[SAID_TEXT_MAX]; /* without both; lines joined by blanks, printable, cut
				   * if it is longer */
	bool is_refusal;          /* 4xx, 5xx; -ERR; NO, BAD, BYE */
	bool goes_on;             /* more lines of this reply follow */
};

/* One line of SMTP, without its end. False: it has no reply code, so it is not SMTP; then
 * said holds its words alone. */
bool said_smtp(struct said *said, struct span line);
/* One line of POP3 or IMAP (without its tag), which is a reply of its own. */
void said_words(struct said *said, struct span line, bool is_refusal);

/* For people: "535 5.7.8 Error: authentication failed", in at most `room` bytes. */
const char *said_story(const struct said *said, char *out, size_t room);

#endif
