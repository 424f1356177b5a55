/* What client.c (what is asked, and in which order), client_hear.c (what the server says)
 * and client_remove.c share. Nobody else includes this. */
#ifndef IMAP_CLIENT_STATE_H
#define IMAP_CLIENT_STATE_H

#include "imap/client.h"
#include "imap/fetch.h"
#include "imap/listing.h"

#define IMAP_ASKS_MAX 32 /* on their way at a time */
#define IMAP_SET_MAX  ((size_t)4000)

enum imap_verb {
	IMAP_CAPABILITY,
	IMAP_COMPRESS,
	IMAP_SELECT,
	IMAP_SEARCH,
	IMAP_SIZES,
	IMAP_MESSAGE,
	IMAP_HEADER,
	IMAP_IDENTITY,
	IMAP_STORE,
	IMAP_UID_EXPUNGE,
	IMAP_SEARCH_DELETED,
	IMAP_EXPUNGE,
	IMAP_LOGOUT,
};

/* One command that was sent and not answered. */
struct imap_asked {
	enum imap_verb verb;
	unsigned tag;
	size_t message; /* of MESSAGE, HEADER and IDENTITY */
	uint64_t octets;
	bool is_whole; /* its literal came */
	bool is_told;  /* and was told of before its OK */
};

struct imap_client {
	struct imap_offer offer;
	const struct imap_client_hooks *hooks;
	void *ctx;
	char *folder;
	bool read_only;
	/* what was said */
	struct imap_asked asked[IMAP_ASKS_MAX]; /* in that order */
	size_t count;
	uint64_t octets; /* of the messages among them */
	unsigned last_tag;
	bool has_said[IMAP_LOGOUT + 1];
	struct buf commands;
	/* what is listed */
	struct imap_listing listing;
	bool is_searched;
	bool is_listed;
	size_t next_size; /* from where sizes are to be asked for */
	uint64_t uidvalidity;
	uint64_t listing_bytes;
	/* what is to be removed, by its place; up to marked it is marked there */
	size_t *doomed;
	size_t doomed_count;
	size_t batch_begin;
	size_t batch_end;
	bool batch_failed;
	bool others_deleted;
	bool quits;
	bool is_over; /* LOGOUT is answered: whatever is said now is of no matter */
	/* what is heard */
	struct buf line;
	uint64_t chatter; /* bytes since the last answer that no message has */
	bool in_fetch;
	struct imap_fetch fetch;
	uint64_t literal_left;
	uint64_t literal_bytes;
	bool literal_is_body;
	size_t body_of; /* this FETCH answer's, among asked; IMAP_ASKS_MAX: none */
	bool is_compressed;
	struct err failure;
};

/* client.c */

/* Puts a command together; fmt is what follows the tag. */
void imap_say(struct imap_client *client, const struct imap_asked *asked, const char *fmt,
	      ...) PRINTF(3, 4);
/* The command has its tagged answer: ok, and what was said. */
void imap_answered(struct imap_client *client, const struct imap_asked *asked, bool ok,
		   struct span text);
/* That message's data is complete and believed. */
void imap_tell(struct imap_client *client, const struct imap_asked *asked, bool done,
	       struct span text);

bool imap_is_content(enum imap_verb verb);
/* What it answers. Not for commands that nobody asked for. */
enum imap_ask imap_ask_of(enum imap_verb verb);

/* client_remove.c */

/* Says what is to be said now of removals, and at the end of quitting. */
void imap_remove(struct imap_client *client);
void imap_remove_answered(struct imap_client *client, enum imap_verb verb, bool ok,
			  struct span text);
/* A UID of the answer to SEARCH DELETED. */
void imap_remove_others(struct imap_client *client, uint64_t uid);

#endif
