/*
 * The messages of one POP3 session: numbered when it begins and never again, marked by
 * DELE, with the totals that STAT tells kept along.
 */
#ifndef POP3_MESSAGES_H
#define POP3_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

/* A session shows so many; what is beyond comes up when these have been fetched. */
#define POP3_MESSAGES_MAX 200000
#define POP3_UID_MAX      70 /* RFC 1939 section 7 */

struct pop3_message {
	uint64_t octets; /* as RETR sends them, without doubled dots and the last line */
	uint32_t uid_at; /* in uids */
	uint8_t uid_len;
	bool marked;
};

struct pop3_messages {
	struct pop3_message *all;
	size_t count;
	size_t room;
	struct buf uids;
	size_t unmarked;
	uint64_t unmarked_octets;
};

void pop3_messages_init(struct pop3_messages *messages);
void pop3_messages_clear(struct pop3_messages *messages);

/* False: the uid may not stand in a reply (1 to 70 bytes, 0x21 to 0x7e), or there are
 * POP3_MESSAGES_MAX already. */
bool pop3_messages_add(struct pop3_messages *messages, uint64_t octets,
		       struct span uid) MUST_USE;
/* Borrowed until the next add. */
struct span pop3_messages_uid(const struct pop3_messages *messages, size_t index);

/* Does nothing where it is marked already. */
void pop3_messages_mark(struct pop3_messages *messages, size_t index);
void pop3_messages_unmark_all(struct pop3_messages *messages);

#endif
