#include "programs/lontar-flush/token.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/login.h"
#include "control/secret.h"
#include "programs/lontar-flush/flush.h"

#define PIECE_BYTES 1024

static void stop_watching(struct flush *flush)
{
	struct token *token = &flush->token;

	ev_io_stop(flush->loop, &token->io);
	ev_child_stop(flush->loop, &token->child);
	ev_timer_stop(flush->loop, &token->deadline);
	file_close(&token->fd);
	token->pid = 0;
}

static void finish(struct flush *flush, bool complete, int status)
{
	struct token *token = &flush->token;
	struct err err = { 0 };

	stop_watching(flush);
	flush->lanes.secret = secret_finish(&token->printed, complete, status,
					    flush->smarthost.tokencommand, &err);
	buf_clear(&token->printed);
	if (flush->lanes.secret) {
		lanes_begin(flush);
		return;
	}
	login_explain(flush->smarthost.login, &err);
	err_context(&err, "smarthost %s", flush->smarthost.name);
	if (err.kind == ERR_PERMANENT)
		flush_hold(flush, &err);
	lanes_give_up(flush, &err);
}

static void on_output(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct flush *flush = watcher->data;
	struct token *token = &flush->token;
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
		finish(flush, token->complete, token->child.rstatus);
}

static void on_exit_of(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct flush *flush = watcher->data;
	struct token *token = &flush->token;

	(void)events;
	ev_child_stop(loop, watcher);
	token->exited = true;
	/* What it printed last may still be in the pipe. */
	if (!ev_is_active(&token->io))
		finish(flush, token->complete, watcher->rstatus);
}

static void on_late(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct flush *flush = watcher->data;

	(void)loop;
	(void)events;
	kill(-flush->token.pid, SIGKILL);
	finish(flush, false, 0);
}

bool token_ask(struct flush *flush, struct err *err)
{
	struct token *token = &flush->token;

	*token = (struct token){ .printed = BUF_INIT(SECRET_MAX) };
	/* One piece, so that nothing is left behind in memory that was moved. */
	if (!buf_reserve(&token->printed, SECRET_MAX))
		return err_temporary(err, "4.3.0", "no room for a token");
	token->fd = secret_start(flush->control_fd, flush->smarthost.tokencommand,
				 &token->pid, err);
	if (token->fd < 0) {
		token->pid = 0;
		return err_context(err, "smarthost %s", flush->smarthost.name);
	}
	ev_io_init(&token->io, on_output, token->fd, EV_READ);
	ev_child_init(&token->child, on_exit_of, token->pid, 0);
	ev_timer_init(&token->deadline, on_late, SECRET_COMMAND_S, 0.);
	token->io.data = token->child.data = token->deadline.data = flush;
	ev_io_start(flush->loop, &token->io);
	ev_child_start(flush->loop, &token->child);
	ev_timer_start(flush->loop, &token->deadline);
	return true;
}

void token_stop(struct flush *flush)
{
	struct token *token = &flush->token;

	if (!token->pid)
		return;
	kill(-token->pid, SIGKILL);
	stop_watching(flush);
	if (token->printed.len)
		explicit_bzero(token->printed.data, token->printed.len);
	buf_clear(&token->printed);
}
