/*
 * Moving in: what another mail system's files say, carried over into a gateway.
 *
 * Each fact is told through `say`, a line each; it is done only where `yes` says so. The
 * old system's files are read and never changed. What has been carried over is found
 * again, so that a second run does nothing twice.
 */
#ifndef IMPORT_IMPORT_H
#define IMPORT_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "control/settings_list.h"

enum import_word {
	IMPORT_WRITE, /* is written */
	IMPORT_SAME,  /* is so already */
	IMPORT_KEEP,  /* ours is another, and stays */
	IMPORT_NONE,  /* has no counterpart here */
	IMPORT_NOTE,  /* a person should know it */
	IMPORT_MAIL,  /* waiting mail */
};

/* "NAME=HOST[:PORT]": a smarthost whose host stands in no file of the old system. */
struct import_host {
	const char *name;
	const char *host;
	uint16_t port; /* 0: none given */
};

struct import {
	const char *path; /* of the old system's folder, as it was typed */
	int from_fd;      /* the same, open */
	int root_fd;      /* the gateway; -1: it is still to be made */
	int control_fd;   /* likewise */
	bool yes;         /* false: only told */
	bool is_asked;    /* somebody said yes, though this may be the look before */
	bool is_new;      /* made for this: the lists that `lontar init` wrote give way */
	const struct import_host *hosts;
	size_t host_count;
	void (*say)(void *ctx, enum import_word word, const char *about,
		    const char *text);
	void *ctx;

	unsigned written; /* files, done or to be done */
	unsigned left;    /* messages that could not be taken now */
};

void import_say(const struct import *import, enum import_word word, const char *about,
		const char *fmt, ...) PRINTF(4, 5);

/* A qmail home: settings, users, aliases, routes, serialmail's Maildirs and the queue. */
bool import_qmail(struct import *import, struct err *err) MUST_USE;

/* The waiting mail alone, of whichever queue the folder holds: qmail's, sendmail's or
 * Postfix's. EX_NOINPUT where it is none; EX_TEMPFAIL where its owner runs. */
bool import_queue(struct import *import, struct err *err) MUST_USE;

/* control/me of a qmail home, for a gateway that is still to be made. Caller frees; NULL
 * and err. */
char *import_qmail_me(const struct import *import, struct err *err) MUST_USE;

#endif
