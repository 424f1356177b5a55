/*
 * The server's side of a POP3 conversation (RFC 1939; CAPA and response codes: RFC 2449,
 * 3206; STLS: RFC 2595). It owns no socket, file or clock: the program feeds it what the
 * client said and does what it asks for.
 *
 *   loop: event = pop3_server_next(server, &input)
 *         send what is in pop3_server_output and reset it
 *         do what the event says; stop at POP3_WAIT and POP3_CLOSE, and while the client
 *         is slow to take what was sent
 *
 * Nothing is removed but by POP3_UPDATE: a client that goes away without QUIT has changed
 * nothing.
 */
#ifndef POP3_SERVER_H
#define POP3_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

#define POP3_LINE_MAX 512 /* of a command; RFC 2449 section 4 asks for 255 */

struct pop3_server;

enum pop3_event {
	POP3_WAIT,      /* nothing to do before more input, or the answer still owed */
	POP3_OUTPUT,    /* a long reply goes on: call again when the client keeps up */
	POP3_LOGIN,     /* answer with _add for each message and _admit, or _reject */
	POP3_START_TLS, /* send the output in plain, drop the input, then _secured */
	POP3_OPEN,      /* answer with _opened or _missing */
	POP3_READ,      /* of the opened message, hand on the next bytes with _body */
	POP3_UPDATE, /* remove the marked messages for good, unlock; answer: _updated */
	POP3_CLOSE,  /* send the output and hang up */
};

struct pop3_policy {
	bool tls_offered;  /* STLS */
	bool secure;       /* TLS is on */
	bool plain_logins; /* passwords are taken without TLS too */
};

/* The greeting is its first output. host: borrowed for the call. */
struct pop3_server *pop3_server_new(const struct pop3_policy *policy, struct span host);
void pop3_server_free(struct pop3_server *server);

/* Takes what it uses off the front of *input. While a READ goes on, every other event
 * says that no more of that message is wanted. */
enum pop3_event pop3_server_next(struct pop3_server *server, struct span *input) MUST_USE;

/* At most 256 KiB where it is emptied after every call. */
struct buf *pop3_server_output(struct pop3_server *server);

/* LOGIN. Borrowed, until the answer. */
struct span pop3_server_user(const struct pop3_server *server);
struct span pop3_server_password(const struct pop3_server *server);
/* Messages in their order; octets as mail/wire.h's wire_size. False: not added, see
 * pop3/messages.h. */
bool pop3_server_add(struct pop3_server *server, uint64_t octets,
		     struct span uid) MUST_USE;
void pop3_server_admit(struct pop3_server *server);
/* text: what stands behind "-ERR ", with a response code; after three the session ends.
 */
void pop3_server_reject(struct pop3_server *server, struct span text);

/* START_TLS. What the client said in plain text is forgotten. */
void pop3_server_secured(struct pop3_server *server);

/* OPEN, READ: which message, from 0. */
size_t pop3_server_message(const struct pop3_server *server);
void pop3_server_opened(struct pop3_server *server);
void pop3_server_missing(struct pop3_server *server, struct span text);
#define POP3_BODY_MAX (32 * 1024)
/* At most POP3_BODY_MAX stored bytes (LF line ends); none at all: that was the end. */
void pop3_server_body(struct pop3_server *server, struct span stored);

/* UPDATE. */
size_t pop3_server_count(const struct pop3_server *server);
bool pop3_server_is_marked(const struct pop3_server *server, size_t message);
void pop3_server_updated(struct pop3_server *server, bool all_removed);

/* At any time: the service cannot go on. "-ERR text" is said where a reply may stand, the
 * next event is CLOSE. */
void pop3_server_stop(struct pop3_server *server, struct span text);

struct pop3_tally {
	uint64_t retrieved; /* whole messages */
	uint64_t octets;    /* of them, and of TOP */
	uint64_t deleted;   /* removed for good */
};
const struct pop3_tally *pop3_server_tally(const struct pop3_server *server);

#endif
