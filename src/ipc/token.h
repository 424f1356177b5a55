/*
 * The token that a tokencommand prints, asked for on the loop: the command may take a
 * minute (it may ask another server), and whoever waits must answer and stop meanwhile.
 */
#ifndef IPC_TOKEN_H
#define IPC_TOKEN_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* token is the receiver's (explicit_bzero first); NULL: err says why (control/secret.h),
 * by the login's name where there is one. */
typedef void token_done(void *ctx, char *token, struct err *err);

struct token { /* its insides; valid when zeroed: none is asked for */
	struct ev_loop *loop;
	ev_io io;
	ev_child child;
	ev_timer deadline;
	struct buf printed;
	pid_t pid; /* 0: none is at work */
	int fd;
	bool complete;
	bool exited;
	const char *command;
	const char *login;
	token_done *done;
	void *ctx;
};

struct token_request {
	const char *command; /* borrowed until it is done; likewise: */
	const char *login; /* control/logins/NAME that the command stands for; or NULL */
	token_done *done;
	void *ctx;
};

/* loop: the default one. False and err: it cannot be started. */
bool token_ask(struct token *token, struct ev_loop *loop, int control_fd,
	       const struct token_request *request, struct err *err) MUST_USE;
/* The command is killed where it is still at work, and nobody is told. */
void token_stop(struct token *token);

#endif
