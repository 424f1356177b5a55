/*
 * The link that a worker's connections go over: what is known of it (its name servers,
 * its speed), and the interface that its sockets are bound to.
 */
#ifndef TRANSFER_LINK_PATH_H
#define TRANSFER_LINK_PATH_H

#include <stdint.h>

#include "link/allowance.h"
#include "link/bind.h"
#include "link/notes.h"

struct link_path {
	struct link_note link;       /* its name is "" if no link is known to be up */
	char bind_to[LINK_BIND_MAX]; /* "": any interface; see net/dial.h */
};

struct link_path_wish {
	int root_fd;
	int control_fd;
	enum link_use use;
	const char *name; /* of the smarthost or pickup */
	const char *host; /* where its server is */
	int64_t now;      /* wall clock seconds */
};

/* Takes the best link that is up. Whether it is open now is not asked: the program that
 * started the worker has decided that. choice_out is for quota_begin. */
void link_path_choose(const struct link_path_wish *wish, struct link_path *path_out,
		      struct link_choice *choice_out);

#endif
