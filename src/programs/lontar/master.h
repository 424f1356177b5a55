/*
 * The master, `lontar run`: binds every socket, starts the services and starts them again
 * when they die, and starts a mailbox or a flush for the service that asks. It hears no
 * stranger's byte.
 */
#ifndef PROGRAMS_LONTAR_MASTER_H
#define PROGRAMS_LONTAR_MASTER_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "programs/lontar/child.h"
#include "programs/lontar/port.h"
#include "programs/lontar/privilege.h"
#include "programs/lontar/role.h"

struct master {
	struct ev_loop *loop;
	const char *root; /* its path, for people */
	int root_fd, control_fd;
	int lock_fd;            /* run/lock, locked */
	int program_fds[ROLES]; /* the roles' programs, opened before anything drops */
	struct identity who[ROLES]; /* and whom they run as */
	int sockets[ROLES];         /* a role's socket in run/, or -1 */
	struct ports ports;
	struct child *children; /* running, or to be started again */
	unsigned asked_count;   /* those among them that somebody asked for */
	struct operators *operators;
	ev_signal term, interrupt, hup;
	ev_timer deadline; /* when stopping: whoever is still there is killed */
	enum master_stage {
		MASTER_STARTING, /* not every service has been ready yet */
		MASTER_RUNNING,
		MASTER_STOPPING_DOORS, /* who serves strangers ends first, */
		MASTER_STOPPING_REST,  /* so that what he began is finished */
	} stage;
	struct err failure; /* why it ends by itself */
};

/* Starts all and runs the loop until it has stopped; then master->failure says whether
 * somebody told it to. */
void master_run(struct master *master);

/* For the children and operators: */

/* A child became ready, or ended: says "ready" once, stops further, tells operators. */
void master_changed(struct master *master);

/* Begins to end: in order, with a deadline. */
void master_stop(struct master *master);

#endif
