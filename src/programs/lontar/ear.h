/* Hears what a child says on its stderr, and writes it down by whole lines. */
#ifndef PROGRAMS_LONTAR_EAR_H
#define PROGRAMS_LONTAR_EAR_H

#include <ev.h>

#include "base/buf.h"

struct ear {
	struct ev_loop *loop;
	int fd;          /* -1: closed */
	struct buf said; /* a line not complete yet */
	ev_io io;
};

/* Owns fd, our end of a pipe. */
void ear_open(struct ear *ear, struct ev_loop *loop, int fd);
/* Hears what is still in the pipe, and closes it. */
void ear_close(struct ear *ear);

#endif
