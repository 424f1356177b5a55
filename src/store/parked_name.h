/*
 * The name of a parked file, which holds every fact that scheduling needs:
 * UNIQUE,S=..,W=..,R=..,P=..,A=..,N=..,L=..,F=..,D=.. ; what is 0 (R: 1) is left out.
 */
#ifndef STORE_PARKED_NAME_H
#define STORE_PARKED_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "mail/maildir.h"

enum parked_state { /* the flag behind ":2," */
	PARKED_WAITING,
	PARKED_HELD = 'h',
	PARKED_SENDING = 's',
	PARKED_UNCERTAIN = 'u',
};

struct parked_name {
	char id[MAILDIR_UNIQUE_MAX];
	uint64_t disk_bytes; /* S: of the file */
	uint64_t wire_bytes; /* W: of the message, see mail/wire.h */
	unsigned recipients; /* R: Delivered-To lines, settled or not */
	unsigned priority;   /* P: enum mail_priority; higher goes first */
	unsigned attempts;   /* A */
	int64_t not_before;  /* N: wall clock seconds */
	uint64_t link_up_s;  /* L: seconds of link-up time at parking; 0: not known */
	bool freed;          /* F: a person wants it sent, whatever the link's limits */
	bool told;           /* D: its sender knows that it waits, or is not to be told */
	enum parked_state state;
};

/* False where it is no parked file's name (it is left alone then). S and W may be
 * missing, as in serialmail's own files: 0. */
bool parked_name_parse(const char *file, struct parked_name *name_out) MUST_USE;
/* "new/..." or "cur/..." */
void parked_name_format(const struct parked_name *name, char path_out[MAILDIR_NAME_MAX]);
/* Wall clock seconds at parking, from the id. */
int64_t parked_name_time(const struct parked_name *name);

#endif
