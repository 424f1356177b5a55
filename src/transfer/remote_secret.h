/*
 * The secret of a login: the password or token in the file that the account names, or the
 * token that its command prints. A command may take a minute, since it may ask another
 * server, and the worker must answer and stop meanwhile; so the secret always comes by
 * one call-back from the loop, also if it was at hand at once.
 */
#ifndef TRANSFER_REMOTE_SECRET_H
#define TRANSFER_REMOTE_SECRET_H

#include <ev.h>

#include "ipc/token.h"
#include "transfer/remote_account.h"

/* Called once. err NULL: secret is the receiver's, for remote_secret_wipe; NULL if the
 * account has no login. Else err says why there is none, with the account's kind and name
 * in front (control/secret.h says which failures are permanent). */
typedef void remote_secret_handler(void *ctx, char *secret, const struct err *err);

struct remote_secret { /* its insides; valid when zeroed: nothing is asked for */
	struct ev_loop *loop;
	struct token token;
	ev_timer ready; /* the answer is known, and told from the loop */
	char *secret;
	struct err err;
	struct remote_account account;
	remote_secret_handler *handler;
	void *ctx;
};

struct remote_secret_request {
	const struct remote_account *account; /* copied; its texts are borrowed until the
					       * call-back or remote_secret_stop */
	int control_fd;
	remote_secret_handler *handler;
	void *ctx;
};

/* loop: the default one. */
void remote_secret_ask(struct remote_secret *secret, struct ev_loop *loop,
		       const struct remote_secret_request *request);
/* Kills a command that is still at work; the handler is not called. */
void remote_secret_stop(struct remote_secret *secret);

/* Overwrites and frees. NULL does nothing. */
void remote_secret_wipe(char *secret);

#endif
