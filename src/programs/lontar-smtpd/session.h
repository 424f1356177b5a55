/*
 * One session: the engine (SMTP, QMTP or QMQP) between a client's connection, lontar-auth
 * and lontar-deliver.
 */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/auth.h"
#include "mail/address.h"
#include "programs/lontar-smtpd/engine.h"
#include "programs/lontar-smtpd/smtpd.h"
#include "session/client.h"

struct session {
	struct client client;  /* first; no ip: the user who runs us */
	struct engine *server; /* NULL until the session is permitted */
	bool may_relay;        /* by address */
	char *relay_suffix;    /* put behind recipients then */
	char *login;           /* "" before one */
	bool awaiting;         /* the engine's question is with one of the two */
	bool gone;             /* the client will say no more */
	const char *why;       /* the session ends; NULL: by QUIT */
	uint64_t unrenewed;    /* octets of a message since the deadline was set */

	/* The message under way: mail.c */
	uint32_t mail_tag;           /* at lontar-deliver; 0: none */
	char recipient[ADDRESS_MAX]; /* the one asked about last */
	int draft_fd;
	int scratch_fd;     /* the message, until its recipients are known */
	bool wants_scratch; /* asked for */
	bool committing;
	uint64_t bytes; /* of what is being committed */
	/* For the log */
	unsigned messages;
	uint64_t messages_bytes;
};

/* As struct protocol has them: a new session, and what lontar-auth says. */
struct client *session_new(int fd);
void session_on_permit(struct client *client, const struct auth_permit *permit);
void session_on_result(struct client *client, const struct auth_result *result, int fd);

/* Answers the engine's question and lets it go on. The session may be over then. */
void session_answer(struct session *session, const struct smtp_verdict *verdict);

/* Ends it with 421. why is for the log, borrowed. */
void session_expel(struct session *session, const char *status, const char *text,
		   const char *why);

/* session.c, the conversation, and session_begin.c, up to the greeting, have in common:
 * what the connection tells; the engine goes on (the session may be over then); a reply
 * where there is no engine yet, and the end; the end; a new deadline. */
connection_handler session_on_connection;
void session_go_on(struct session *session);
void session_turn_away(struct session *session, const char *code, struct span text);
void session_end(struct session *session);
void session_renew(struct session *session);

/* The user who runs us, not somebody on a network. */
static inline bool session_is_local(const struct session *session)
{
	return !session->client.ip[0];
}

static inline struct smtpd *session_smtpd(const struct session *session)
{
	return (struct smtpd *)session->client.worker;
}

#endif
