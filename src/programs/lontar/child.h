/*
 * One process that the master started, or is to start: its channel, what it says, its
 * end. A service's child lives as long as the master and is started again when it dies;
 * one that was asked for goes when its process has ended.
 */
#ifndef PROGRAMS_LONTAR_CHILD_H
#define PROGRAMS_LONTAR_CHILD_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "ipc/peer.h"
#include "programs/lontar/ear.h"
#include "programs/lontar/role.h"

#define CHILD_NAME_MAX 256

struct master;

struct child {
	struct child *next;
	struct master *master;
	enum role role;
	char name[CHILD_NAME_MAX]; /* its argument, where it has one; else "" */
	pid_t pid;                 /* 0: does not run */
	struct peer *peer;
	int64_t since_ms;      /* when it began or ended */
	unsigned early_deaths; /* in a row */
	bool was_ready;        /* ever */
	bool is_ready;
	bool is_stopped;     /* by the operator */
	bool is_expected;    /* to end: we told it to */
	struct child *asker; /* NULL: a service, or he is gone */
	pid_t asker_pid;
	uint32_t asker_tag;
	struct ear ear;
	ev_child ended;
	ev_timer again;
};

/* Puts a service's child on the master's list and starts it. A failure is logged and
 * tried again like an early death. */
void child_add(struct master *master, enum role role);

/* Starts `name`'s on-demand program for `asker`; private_fd stays the caller's. False and
 * err: it could not be started; nobody is told. */
bool child_ask(struct child *asker, enum role role, const char *name, uint32_t tag,
	       int private_fd, struct err *err) MUST_USE;

/* A door that no listener is set for is not. */
bool child_is_wanted(const struct child *child);

/* Starts it unless it runs or is not wanted; ends the operator's "stopped". */
void child_start(struct child *child);
/* Tells it to end; it is started again unless is_stopped. */
void child_stop(struct child *child);
void child_signal(const struct child *child, int signal_number);

/* Sends what it needs before it begins. */
void child_equip(struct child *child);

/* Sends the certificate as it is now. */
void child_certify(struct child *child);

/* Frees all, which have ended. */
void child_clear(struct master *master);

/* What the master answers to MASTER_START; master.c has it. */
bool master_asked(struct child *child, struct packet *packet, int fd);

#endif
