/*
 * The SMTP server as a pure engine (RFC 5321; PIPELINING 2920, SIZE 1870, 8BITMIME 6152,
 * SMTPUTF8 6531, ENHANCEDSTATUSCODES 2034, CHUNKING 3030, STARTTLS 3207, AUTH 4954 with
 * PLAIN 4616 and LOGIN).
 *
 * The program gives it the client's bytes and asks what is next, again and again; it does
 * what the event says, answers the questions, and sends what is in the output. Nothing is
 * read, written, timed or decided elsewhere.
 *
 *	for (;;) {
 *		event = smtp_server_next(server, input);
 *		(send smtp_server_output and empty it)
 *		switch (event->kind) ...
 *	}
 *
 * A message is one or more ASK_RECIPIENT, ASK_DRAFT, BODY any number of times,
 * ASK_COMMIT; RESET may come after any of them and ends it too.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

#define SMTP_SERVER_RECIPIENTS_MAX 1000

/* What this session may do. The texts are copied. */
struct smtp_policy {
	const char *me;       /* our name in replies */
	const char *greeting; /* what follows 220; its first word is our name */
	uint64_t databytes;   /* largest message on the wire; 0: no limit */
	bool may_relay;       /* this client may mail anyone */
	bool login_required;  /* no mail before AUTH (submission, smtps) */
	bool login_offered;   /* somebody can answer ASK_LOGIN; still only under TLS */
	bool tls_offered;     /* STARTTLS can be had */
	bool tls_active;      /* the first byte came through TLS already */
};

enum smtp_event_kind {
	SMTP_NEEDS_INPUT,   /* all that came is used up */
	SMTP_NEEDS_ANSWER,  /* the last question is open: smtp_server_answer first */
	SMTP_OUTPUT,        /* much output has gathered: send it, then ask again */
	SMTP_ASK_RECIPIENT, /* may `sender` mail `recipient`? */
	SMTP_ASK_SCRATCH,   /* qmtp/server.h only: `size` octets come before recipients */
	SMTP_ASK_DRAFT,     /* the message comes: is there a place for `size` octets? */
	SMTP_BODY,          /* put `body` behind what came before */
	SMTP_ASK_COMMIT,    /* the message is whole: make it durable */
	SMTP_RESET,         /* forget this message and its recipients; nobody is told */
	SMTP_ASK_LOGIN,     /* are `user` and `password` a pair? */
	SMTP_START_TLS,     /* what comes next comes through TLS */
	SMTP_CLOSE,         /* send the output and hang up */
};

/* All that is pointed to is borrowed until the next call. */
struct smtp_event {
	enum smtp_event_kind kind;
	const char *sender; /* "" for the null sender */
	const char *recipient;
	bool may_relay;   /* ASK_RECIPIENT: by address or by login */
	uint64_t size;    /* ASK_DRAFT: announced, in octets on the wire; 0: unknown */
	struct span body; /* LF line ends */
	uint64_t bytes;   /* ASK_COMMIT: of all bodies together */
	uint64_t lines;   /* LFs in them */
	bool unended;     /* the last byte was not an LF */
	const char *user;
	const char *password;
};

enum smtp_verdict_kind {
	SMTP_YES,
	SMTP_LATER, /* 4xx */
	SMTP_NO,    /* 5xx */
};

/* status and text may be NULL or "": then the engine says the usual words. */
struct smtp_verdict {
	enum smtp_verdict_kind kind;
	const char *status; /* RFC 3463 */
	const char *text;   /* one line; bytes that do not belong there become "?" */
};

struct smtp_server;

/* The greeting is in the output at once. */
struct smtp_server *smtp_server_new(const struct smtp_policy *policy) MUST_USE;
void smtp_server_free(struct smtp_server *server);

/* Uses up the front of input (which must not be changed in between but by bytes put
 * behind it). Borrowed until the next call. */
const struct smtp_event *smtp_server_next(struct smtp_server *server, struct buf *input);

/* Answers the open question. */
void smtp_server_answer(struct smtp_server *server, const struct smtp_verdict *verdict);

/* The body could not be kept: the rest of it is taken and thrown away, this verdict (not
 * YES) is the reply and RESET comes instead of ASK_COMMIT. */
void smtp_server_spoil(struct smtp_server *server, const struct smtp_verdict *verdict);

/* Ends the session from our side, whatever it is doing: 421, then SMTP_CLOSE. */
void smtp_server_expel(struct smtp_server *server, const char *status, const char *text);

/* Replies to be sent; the program empties it. */
struct buf *smtp_server_output(struct smtp_server *server);

/* For the Received line: what the client calls itself, and how the message came
 * (RFC 3848, RFC 6531: SMTP, ESMTP, ESMTPSA, UTF8SMTPS, ...). Borrowed. */
const char *smtp_server_helo(const struct smtp_server *server);
const char *smtp_server_protocol(const struct smtp_server *server);

#endif
