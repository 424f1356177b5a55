/*
 * Between a POP3 session and the lontar-mailbox that opened its user's Maildir: the
 * socket that came with AUTH_RESULT. Messages are numbered from 0 in the order listed.
 */
#ifndef IPC_MAILBOX_H
#define IPC_MAILBOX_H

#include "ipc/packet.h"

#define MAILBOX_LISTING_MAX 256 /* messages in one MAILBOX_LISTING */

enum mailbox_packet {
	MAILBOX_LISTING = 1, /* mailbox, unasked: some messages; see below */
	MAILBOX_LISTED,      /* mailbox: that was all; no fields */
	MAILBOX_FAILED,      /* mailbox: to anything, instead of its answer */
	MAILBOX_OPEN,        /* session: message tag; answered by OPENED */
	MAILBOX_OPENED,      /* mailbox: with the file, to read; no fields */
	MAILBOX_DELETE, /* session: numbers, several packets where need be; no answer */
	MAILBOX_QUIT,   /* session: remove those now; answered by DONE; no fields */
	MAILBOX_DONE,   /* mailbox: removed, durably; no fields */
};

/* MAILBOX_LISTING: a number `count`, then for each message a number (octets as RETR sends
 * them) and a text (UIDL). MAILBOX_DELETE: a number `count`, then as many numbers. */

/* text: what the client is told behind "-ERR ", with a response code (RFC 2449 section 8)
 * where the login fails by it: [IN-USE], [SYS/TEMP] */
#define MAILBOX_FAILED_FIELDS(NUMBER, TEXT) TEXT(text)
PACKET_DEFINE(mailbox_failed, MAILBOX_FAILED, MAILBOX_FAILED_FIELDS)

#endif
