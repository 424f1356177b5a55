/* What LIST and UIDL say of a mailbox (RFC 1939 5, 7), as far as it makes sense. */
#ifndef POP3_CLIENT_LISTING_H
#define POP3_CLIENT_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct pop3_listed {
	uint64_t number;
	uint64_t octets;
	size_t uid; /* offset among the texts */
	size_t uid_len;
};

struct pop3_listing {
	struct pop3_listed *messages;
	size_t count;
	size_t room;
	size_t sorted; /* so many of them are, by number */
	struct buf uids;
};

#define POP3_LISTING_INIT \
	((struct pop3_listing){ .uids = BUF_INIT((size_t)32 * 1024 * 1024) })

/* A line of LIST: adds a message, where none of those sorted has that number. */
void pop3_listing_size(struct pop3_listing *listing, struct span line);
/* A line of UIDL. It adds a message only where nothing is sorted: UIDL came first. */
void pop3_listing_uid(struct pop3_listing *listing, struct span line);
/* All of one of them are there: sorts, and drops what has the number of another. */
void pop3_listing_sort(struct pop3_listing *listing);
/* The answer to LIST of one: "number octets". */
void pop3_listing_one_size(struct pop3_listing *listing, size_t message,
			   struct span text);
/* All uids are there: one that two messages have is none. */
void pop3_listing_settle(struct pop3_listing *listing);
void pop3_listing_clear(struct pop3_listing *listing);

#endif
