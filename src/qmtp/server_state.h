/* What the parts of the server share: server.c is its face and decides, server_read.c
 * takes a package apart. Nobody else includes this. */
#ifndef QMTP_SERVER_STATE_H
#define QMTP_SERVER_STATE_H

#include "mail/address.h"
#include "qmtp/netstring.h"
#include "qmtp/server.h"
#include "smtp/trace.h"

#define QMTP_TEXT_MAX  400
#define QMTP_PIECE_MAX ((size_t)65536)

struct qmtp_reply {
	enum smtp_verdict_kind kind;
	char text[QMTP_TEXT_MAX]; /* with its status */
};

/* A package, byte by byte. Of QMQP it stands in one netstring, of QMTP the recipients do:
 * `left` bytes of that are to come, while `enclosed`. */
enum qmtp_state {
	OPENING, /* QMQP: the length of all */
	MESSAGE, /* the message's length */
	ENCODING,
	BODY,
	BODY_END,
	SENDER,
	LIST, /* QMTP: the length of all recipients */
	RECIPIENT,
	LIST_END,
	DECIDE, /* all of it is there */
	CLOSED,
};

struct qmtp_server {
	struct qmtp_policy policy;
	enum qmtp_state state;
	bool enclosed;
	uint64_t left;
	uint64_t body_left;
	struct netstring_head head;
	struct netstring_reader reader;
	bool after_cr;
	struct smtp_trace trace;
	struct buf body;
	struct buf output;
	struct buf none; /* recipients come later: loops by Delivered-To are not seen */
	char sender[ADDRESS_MAX];
	char recipient[ADDRESS_MAX];
	uint64_t bytes, lines;
	bool unended;
	bool begun;  /* the program has something to forget */
	bool asking; /* event is a question ... */
	bool told;   /* ... and the program has it */
	bool faulty; /* the message is for nobody, for this reason: */
	struct qmtp_reply fault;
	struct qmtp_reply *replies;
	size_t count;
	size_t accepted;
	struct smtp_event event;
};

/* What a verdict says to the client, its status behind it. */
void qmtp_set_reply(struct qmtp_reply *reply, const struct smtp_verdict *verdict);
/* Nobody gets this message, for this reason; the first one counts. */
void qmtp_fault(struct qmtp_server *server, enum smtp_verdict_kind kind,
		const char *status, const char *text);
void qmtp_close(struct qmtp_server *server);
/* Makes it the open question. */
void qmtp_ask(struct qmtp_server *server, enum smtp_event_kind kind);

/* The next recipient's answer, as far as it is known. */
void qmtp_note_recipient(struct qmtp_server *server, const struct qmtp_reply *reply);

/* Takes what the state wants off the front of *bytes. */
void qmtp_read(struct qmtp_server *server, struct span *bytes);

#endif
