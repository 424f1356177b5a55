/* The session workers on run/auth, and their sessions. */
#ifndef LONTAR_AUTH_WORKER_H
#define LONTAR_AUTH_WORKER_H

#include "programs/lontar-auth/auth.h"

#define SERVICE_NAME_MAX 16
#define REMOTE_IP_MAX    64

struct login;
struct worker;

struct session {
	struct session *next; /* in its worker's slot */
	struct worker *worker;
	uint32_t tag;
	char service[SERVICE_NAME_MAX];
	char remote_ip[REMOTE_IP_MAX];
	struct login *login; /* being checked, or NULL */
};

/* Takes a connection to run/auth; a stranger's is closed. */
void worker_take(struct auth *auth, int fd);

struct worker_answer {
	enum auth_verdict verdict;
	const char *user;  /* with AUTH_YES */
	bool is_elsewhere; /* no account: he may be a user of the system */
	const char *text;
};

/* The answer to the session's AUTH_LOGIN. With AUTH_YES, for a POP3 session, the mailbox
 * is started and its socket goes along. */
void worker_answer(struct session *session, const struct worker_answer *answer);

#endif
