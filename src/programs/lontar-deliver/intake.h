/*
 * The receiving end of run/deliver (ipc/intake.h): transactions of session workers, of
 * sendmail, of bounces, from first recipient to commit.
 */
#ifndef LONTAR_DELIVER_INTAKE_H
#define LONTAR_DELIVER_INTAKE_H

#include <ev.h>

#include "control/stale.h"
#include "deliver/route.h"
#include "programs/lontar-deliver/commit.h"
#include "programs/lontar-deliver/filter.h"

struct client;

struct intake {
	struct ev_loop *loop;
	int root_fd;
	struct router router;
	struct stale_watch stale;
	struct commit *commit;
	struct filters filters;
	struct client *clients;
	unsigned client_count;
	uint64_t deliveries; /* number of the last one, for the log */
	uid_t workers_uid;   /* of lontar-smtpd; its word on who may relay is believed */
	uid_t senders_uid;   /* of lontar-flush and lontar-pickup */
	unsigned stranger_count;
	bool stopping; /* what is committing is finished, nothing new is taken */
};

/* Takes a new connection; fd is its own from here on. */
void intake_take(struct intake *intake, int fd);

#endif
