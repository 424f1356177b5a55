#include "transfer/remote_secret.h"

#include <stdlib.h>
#include <string.h>

#include "control/login.h"
#include "control/secret.h"

void remote_secret_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void tell(struct remote_secret *secret, char *text, const struct err *err)
{
	const struct remote_account *account = &secret->account;
	struct err copy = *err;

	if (copy.kind == ERR_NONE) {
		secret->handler(secret->ctx, text, NULL);
		return;
	}
	err_context(&copy, "%s %s", account->kind, account->name);
	secret->handler(secret->ctx, NULL, &copy);
}

static void on_ready(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct remote_secret *secret = watcher->data;
	char *text = secret->secret;

	(void)loop;
	(void)events;
	secret->secret = NULL;
	tell(secret, text, &secret->err);
}

static void on_token(void *ctx, char *token, struct err *err)
{
	tell(ctx, token, err);
}

static void read_file(struct remote_secret *secret, int control_fd)
{
	const struct remote_account *account = &secret->account;
	const char *path =
		account->passwordfile ? account->passwordfile : account->tokenfile;

	if (!path) {
		err_exit(&secret->err, EX_CONFIG, "no passwordfile is set");
		return;
	}
	secret->secret = secret_read(control_fd, path, &secret->err);
	if (!secret->secret)
		login_explain(account->login, &secret->err);
}

static bool has_command_only(const struct remote_account *account)
{
	return account->tokencommand && !account->passwordfile && !account->tokenfile;
}

void remote_secret_ask(struct remote_secret *secret, struct ev_loop *loop,
		       const struct remote_secret_request *request)
{
	const struct token_request command = { .command = request->account->tokencommand,
					       .login = request->account->login,
					       .done = on_token,
					       .ctx = secret };

	*secret = (struct remote_secret){ .loop = loop,
					  .account = *request->account,
					  .handler = request->handler,
					  .ctx = request->ctx };
	ev_timer_init(&secret->ready, on_ready, 0., 0.);
	secret->ready.data = secret;
	if (request->account->user && has_command_only(request->account)) {
		if (token_ask(&secret->token, loop, request->control_fd, &command,
			      &secret->err))
			return;
	} else if (request->account->user) {
		read_file(secret, request->control_fd);
	}
	ev_timer_start(loop, &secret->ready);
}

void remote_secret_stop(struct remote_secret *secret)
{
	if (!secret->loop)
		return;
	token_stop(&secret->token);
	ev_timer_stop(secret->loop, &secret->ready);
	remote_secret_wipe(secret->secret);
	secret->secret = NULL;
}
