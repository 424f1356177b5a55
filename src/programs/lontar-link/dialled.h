/* The calls that we have made (calls.h), one a link: started through the master, heard to
 * their end, noted (link/call.h). */
#ifndef LONTAR_LINK_DIALLED_H
#define LONTAR_LINK_DIALLED_H

#include <stdbool.h>
#include <stdint.h>

#include "control/routes.h"
#include "ipc/service.h"
#include "link/call.h"

struct dialled {
	struct dialled *next;
	struct dialler *dialler;
	char link[SMARTHOST_NAME_MAX];
	struct peer *peer; /* our call's; NULL: none at work */
	int64_t began;     /* wall clock seconds */
	bool reached;      /* the link came up in it: to be set from outside */
	bool told;         /* how it ended */
	bool tidied; /* the last one was to hang up what another had left: likewise */
};

struct dialler {
	struct service *service;
	int root_fd;
	int control_fd;
	void *ctx;
	void (*on_over)(void *ctx); /* a call has ended */
	struct dialled *first;
};

/* A link's, made where it has none yet. */
struct dialled *dialled_of(struct dialler *dialler, const char *link);

/* None is at work. why: for the log. */
void dialled_call(struct dialled *dialled, const char *why);

/* Wall clock seconds before which the next call is not made; 0: any time. */
int64_t dialled_retry(const struct call_note *note, int64_t now);

/* Logged where it fails. */
void dialled_note(const struct dialled *dialled, const struct call_note *note);

#endif
