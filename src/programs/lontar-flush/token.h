/*
 * The token that tokencommand prints, asked for on the loop: the command may take a
 * minute (it may ask another server), and a flush must answer and stop meanwhile.
 */
#ifndef LONTAR_FLUSH_TOKEN_H
#define LONTAR_FLUSH_TOKEN_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct flush;

struct token {
	ev_io io;
	ev_child child;
	ev_timer deadline;
	struct buf printed;
	pid_t pid; /* 0: none is at work */
	int fd;
	bool complete;
	bool exited;
};

/* lanes_begin goes on with it, or lanes_give_up. False and err: it cannot be started. */
bool token_ask(struct flush *flush, struct err *err) MUST_USE;
/* The command is killed where it is still at work. */
void token_stop(struct flush *flush);

#endif
