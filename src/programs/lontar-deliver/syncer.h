/*
 * The process that waits for the disk, so that lontar-deliver need not: it is sent
 * descriptors and says what syncing each of them gave. A child of lontar-deliver, made
 * before the event loop; it ends with its parent.
 */
#ifndef LONTAR_DELIVER_SYNCER_H
#define LONTAR_DELIVER_SYNCER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"
#include "ipc/packet.h"

enum syncer_packet {
	SYNCER_FILE = 1, /* fdatasync the descriptor that comes along */
	SYNCER_FOLDER,   /* fsync it */
	SYNCER_WRITE,  /* write its data out, without a flush; not answered: what fails is
			* told by the SYSTEM that follows */
	SYNCER_SYSTEM, /* syncfs it */
	SYNCER_DONE,   /* the answer to each, with the same tag */
};

/* number: errno, 0 for success; took_ms: how long it took */
#define SYNCER_DONE_FIELDS(NUMBER, TEXT) NUMBER(number) NUMBER(took_ms)
PACKET_DEFINE(syncer_done, SYNCER_DONE, SYNCER_DONE_FIELDS)

/* Forks. The socket to it, or -1 and err; *pid_out is the caller's to wait for, when he
 * has closed that. */
int syncer_start(pid_t *pid_out, struct err *err) MUST_USE;

#endif
