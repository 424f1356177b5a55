/*
 * What the SMTP server knows of one session. Only its own files see this: one a group of
 * verbs (smtp/server_verbs.h), all working on this state.
 */
#ifndef SMTP_SERVER_STATE_H
#define SMTP_SERVER_STATE_H

#include "base/buf.h"
#include "mail/address.h"
#include "mail/wire.h"
#include "smtp/server.h"
#include "smtp/trace.h"

/* X(name, what has happened so far, what is awaited) */
#define SMTP_SERVER_STATES(X)                                            \
	X(GREETED, "connected, banner sent", "EHLO or HELO")             \
	X(NAMED, "EHLO or HELO accepted", "MAIL")                        \
	X(SENDER, "MAIL accepted", "RCPT")                               \
	X(RECIPIENT, "at least one RCPT accepted", "RCPT, DATA or BDAT") \
	X(CHUNKS, "at least one BDAT accepted", "BDAT")                  \
	X(BODY, "between 354 and the final dot", "the message")          \
	X(CHUNK, "within the octets of a BDAT", "the message")           \
	X(LOGIN, "AUTH has begun", "a response")                         \
	X(CLOSED, "QUIT answered or client expelled", "nothing")

enum smtp_server_state {
#define X(name, what, awaited) SERVER_##name,
	SMTP_SERVER_STATES(X)
#undef X
};

#define SERVER_LINE_MAX       4096  /* RFC 5321 4.5.3.1.4: 512 and the extensions' */
#define SERVER_LOGIN_LINE_MAX 12288 /* RFC 4954 4 */
#define SERVER_LINE_DROP      65536 /* who sends this much without an end is no client */
#define SERVER_OFFENCES_MAX   20    /* wrong commands before we hang up */
#define SERVER_IDLE_MAX       100   /* commands that bring no mail forward, likewise */
#define SERVER_LOGINS_MAX     5     /* failed ones */
#define SERVER_OUTPUT_TURN    8192
#define SERVER_HELO_MAX       256
/* All addresses of one message, for finding loops: 1000 of usual length. */
#define SERVER_ADDRESSES_MAX 131072

/* A reply made up before it is due. code 0: none. */
struct smtp_reply {
	unsigned code;
	char status[12];
	char text[400];
};

struct smtp_server {
	enum smtp_server_state state;
	enum smtp_event_kind question; /* the ASK_ that is open, or SMTP_NEEDS_INPUT */
	struct smtp_event event;       /* made and not yet handed out, likewise */
	struct smtp_event handed;
	struct smtp_policy policy; /* its texts are ours */
	struct buf output;
	size_t taken;      /* of the input, by lines and octets that are done with */
	size_t overlong;   /* bytes of a line that is too long, so far */
	unsigned offences; /* wrong commands since the last message */
	unsigned idle;     /* commands that brought no mail forward, likewise */

	char helo[SERVER_HELO_MAX]; /* "" before EHLO */
	bool extended;              /* EHLO, not HELO */

	/* AUTH */
	void (*on_response)(struct smtp_server *server, struct span line);
	struct buf user, password;
	bool logged_in;
	unsigned failed_logins;

	/* The message */
	bool told; /* the program has heard of it: its end must be told too */
	char sender[ADDRESS_MAX];
	char recipient[ADDRESS_MAX]; /* the one asked about */
	struct buf recipients;       /* those accepted, each ended by a NUL */
	unsigned recipient_count;
	uint64_t announced; /* SIZE= */
	bool utf8;
	struct wire_decoder decoder;
	struct smtp_trace trace;
	struct buf body;       /* decoded, for one event */
	uint64_t bytes, lines; /* of the body so far */
	bool unended;
	bool ended;          /* the last piece is handed out: the end comes next */
	uint64_t chunk;      /* octets of this BDAT, */
	uint64_t chunk_left; /* those to come */
	bool chunk_last;
	uint64_t octets;         /* of all BDATs of this message */
	struct smtp_reply fault; /* why the message will not be taken, told at its end */
};

#endif
