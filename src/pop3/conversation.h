/* The inside of a POP3 session, for server.c (what the program sees) and commands.c (the
 * verbs) alone. */
#ifndef POP3_CONVERSATION_H
#define POP3_CONVERSATION_H

#include <stdlib.h>

#include "mail/wire.h"
#include "pop3/messages.h"
#include "pop3/server.h"
#include "pop3/top.h"

/* Where a conversation stands. X(name, what has happened so far) */
#define POP3_STATES(X)                      \
	X(GREETED, "you are not logged in") \
	X(NAMED, "PASS is to follow USER")  \
	X(OPEN, "you are logged in")        \
	X(ENDED, "the session has ended")

enum pop3_state {
#define X(name, what) POP3_STATE_##name,
	POP3_STATES(X)
#undef X
};

/* What goes on beside reading commands. */
enum pop3_task {
	POP3_TASK_COMMANDS,
	POP3_TASK_ANSWER, /* the program owes one */
	POP3_TASK_LIST,   /* LIST and UIDL without a number are being said */
	POP3_TASK_BODY,
};

struct pop3_server {
	struct pop3_policy policy;
	enum pop3_state state;
	enum pop3_task task;
	enum pop3_event asked; /* what the answer is owed to */
	unsigned faults;
	unsigned rejected;
	struct buf out;
	struct buf user;
	struct buf password;
	struct pop3_messages messages;
	size_t message; /* of RETR and TOP; how far a LIST is */
	bool list_uids;
	bool whole; /* RETR: top is not used */
	struct top top;
	struct wire_encoder encoder;
	struct pop3_tally tally;
};

/* One command line without its end. WAIT: done with, the next may come. */
enum pop3_event pop3_obey(struct pop3_server *server, struct span line) MUST_USE;

/* Every append fits: the program empties the output between the pieces. */
static inline void pop3_must(bool appended)
{
	if (!appended)
		abort();
}

/* One line. */
void pop3_say(struct pop3_server *server, const char *fmt, ...) PRINTF(2, 3);
/* "-ERR text", made fit for a line where it comes from elsewhere. */
void pop3_say_error(struct pop3_server *server, struct span text);
/* The line of LIST or UIDL (list_uids) for server->message. */
void pop3_say_message(struct pop3_server *server, const char *before);

enum pop3_event pop3_end(struct pop3_server *server);
void pop3_forget_login(struct pop3_server *server);

#endif
