#include "transfer/transfer.h"

#include <signal.h>

#include "ipc/service.h"

#define TICK_S .25

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct transfer *transfer = watcher->data;

	(void)loop;
	(void)events;
	transfer->handler->on_tick(transfer->ctx);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct transfer *transfer = watcher->data;

	(void)loop;
	(void)events;
	transfer->handler->on_stop(transfer->ctx, "told to stop");
}

void transfer_begin(struct transfer *transfer, const struct transfer_handler *handler,
		    void *ctx, bool is_tied)
{
	*transfer = (struct transfer){ .loop = ev_default_loop(EVFLAG_AUTO),
				       .handler = handler,
				       .ctx = ctx };
	signal(SIGPIPE, SIG_IGN);
	ev_timer_init(&transfer->tick, on_tick, TICK_S, TICK_S);
	ev_signal_init(&transfer->term, on_term, SIGTERM);
	transfer->tick.data = transfer->term.data = transfer;
	ev_timer_start(transfer->loop, &transfer->tick);
	ev_signal_start(transfer->loop, &transfer->term);
	if (is_tied)
		transfer->master = service_tie(transfer->loop);
}

void transfer_run(struct transfer *transfer)
{
	ev_run(transfer->loop, 0);
}

void transfer_leave(struct transfer *transfer)
{
	ev_break(transfer->loop, EVBREAK_ALL);
}

void transfer_end(struct transfer *transfer)
{
	sigset_t term;

	/* A signal that is no longer watched would end the process before it has returned
	 * its exit code. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	ev_timer_stop(transfer->loop, &transfer->tick);
	ev_signal_stop(transfer->loop, &transfer->term);
	ev_run(transfer->loop, EVRUN_NOWAIT);
}

void transfer_blame(struct transfer *transfer, const struct err *err)
{
	if (transfer->why.kind == ERR_NONE)
		transfer->why = *err;
}
