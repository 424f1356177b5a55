#include "ipc/token.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/login.h"
#include "control/secret.h"

#define PIECE_BYTES 1024

static void stop_watching(struct token *token)
{
	ev_io_stop(token->loop, &token->io);
	ev_child_stop(token->loop, &token->child);
	ev_timer_stop(token->loop, &token->deadline);
	file_close(&token->fd);
	token->pid = 0;
}

static void finish(struct token *token, bool complete, int status)
{
	struct err err = { 0 };
	char *secret;

	stop_watching(token);
	secret = secret_finish(&token->printed, complete, status, token->command, &err);
	buf_clear(&token->printed);
	if (!secret)
		login_explain(token->login, &err);
	token->done(token->ctx, secret, &err);
}

static void on_output(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct token *token = watcher->data;
	char *room = buf_reserve(&token->printed, PIECE_BYTES);
	ssize_t got = room ? read(token->fd, room, PIECE_BYTES) : -1;

	(void)events;
	if (got < 0 && room && errno == EINTR)
		return;
	if (got > 0) {
		buf_wrote(&token->printed, (size_t)got);
		return;
	}
	ev_io_stop(loop, watcher);
	token->complete = got == 0;
	if (token->exited)
		finish(token, token->complete, token->child.rstatus);
}

static void on_exit_of(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct token *token = watcher->data;

	(void)events;
	ev_child_stop(loop, watcher);
	token->exited = true;
	/* What it printed last may still be in the pipe. */
	if (!ev_is_active(&token->io))
		finish(token, token->complete, watcher->rstatus);
}

static void on_late(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct token *token = watcher->data;

	(void)loop;
	(void)events;
	kill(-token->pid, SIGKILL);
	finish(token, false, 0);
}

bool token_ask(struct token *token, struct ev_loop *loop, int control_fd,
	       const struct token_request *request, struct err *err)
{
	*token = (struct token){ .loop = loop,
				 .command = request->command,
				 .login = request->login,
				 .done = request->done,
				 .ctx = request->ctx,
				 .printed = BUF_INIT(SECRET_MAX) };
	/* One piece, so that nothing is left behind in memory that was moved. */
	if (!buf_reserve(&token->printed, SECRET_MAX))
		return err_temporary(err, "4.3.0", "no room for a token");
	token->fd = secret_start(control_fd, token->command, &token->pid, err);
	if (token->fd < 0) {
		token->pid = 0;
		buf_clear(&token->printed);
		return false;
	}
	ev_io_init(&token->io, on_output, token->fd, EV_READ);
	ev_child_init(&token->child, on_exit_of, token->pid, 0);
	ev_timer_init(&token->deadline, on_late, SECRET_COMMAND_S, 0.);
	token->io.data = token->child.data = token->deadline.data = token;
	ev_io_start(loop, &token->io);
	ev_child_start(loop, &token->child);
	ev_timer_start(loop, &token->deadline);
	return true;
}

void token_stop(struct token *token)
{
	if (!token->pid)
		return;
	kill(-token->pid, SIGKILL);
	stop_watching(token);
	if (token->printed.len)
		explicit_bzero(token->printed.data, token->printed.len);
	buf_clear(&token->printed);
}
