/*
 * Takes in whoever connects to one of the sockets in run/, on an event loop: some at a
 * turn, so that those who are in are served too; and where no descriptor is left for one
 * (accept(2): EMFILE and its kin), none for half a second, since the loop would ask again
 * at once and for ever.
 */
#ifndef IPC_ACCEPTOR_H
#define IPC_ACCEPTOR_H

#include <ev.h>

struct acceptor {
	ev_io waiting;
	ev_timer pause;
	struct ev_loop *loop;
	/* fd is the callee's, close-on-exec. */
	void (*on_connection)(void *ctx, int fd);
	void *ctx;
};

/* listener_fd is borrowed and does not block (ipc/channel.h). */
void acceptor_start(struct acceptor *acceptor, struct ev_loop *loop, int listener_fd,
		    void (*on_connection)(void *ctx, int fd), void *ctx);
void acceptor_stop(struct acceptor *acceptor);

#endif
