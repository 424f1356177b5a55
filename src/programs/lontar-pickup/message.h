/*
 * One message as it comes in: in memory while it is small, else in a file without a name
 * in spool/pickup. What the provider wrote in front of it as Return-Path is taken out: it
 * is the envelope's, and delivery writes it anew.
 */
#ifndef LONTAR_PICKUP_MESSAGE_H
#define LONTAR_PICKUP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "mail/address.h"
#include "net/digest.h"

struct message {
	struct buf text;          /* its beginning; all of it where fd is -1 */
	int fd;                   /* all of it; -1: there was no need */
	uint64_t bytes;           /* stored ones, so far */
	char sender[ADDRESS_MAX]; /* from Return-Path; "" where there was none */
	bool has_sender;          /* looked for already */
	struct digest *body;      /* of what is behind the header, once spilled */
};

void message_init(struct message *message);
void message_clear(struct message *message); /* ready for the next one */

/* False and err: our disk. */
bool message_add(struct message *message, int root_fd, struct span stored,
		 struct err *err) MUST_USE;
/* All is there. */
void message_finish(struct message *message);

/* Up to and without the empty line; borrowed. */
struct span message_header(const struct message *message);
/* Of Message-ID, Date and size, for which its header is enough; "" without a Message-ID.
 */
const char *message_identity(const struct message *message, uint64_t octets,
			     char text_out[DIGEST_TEXT_MAX]);
/* Of the contents as the recipient gets them: Message-ID and Date (without a Message-ID
 * the whole header), the recipient, the body. After finish. */
const char *message_digest(const struct message *message, const char *recipient,
			   char text_out[DIGEST_TEXT_MAX]);

#endif
