/* A program in qmail-queue's place: fed with a message and its envelope, to its end. */
#ifndef LONTAR_FILTER_PROGRAM_H
#define LONTAR_FILTER_PROGRAM_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "deliver/queue_exit.h"

struct program {
	char path[PATH_MAX];
	struct buf environment; /* NAME=value, each ended by a NUL */
	struct buf envelope;    /* as qmail-queue reads it */
	int message_fd;
	off_t from;
	uint64_t timeout_s;
};

void program_init(struct program *program);
void program_clear(struct program *program);

/* Its exit code; 128 + N: signal N; QUEUE_EXIT_TIMEOUT where it was killed for its time,
 * or since nobody waits any more (PRIVATE_FD is closed). What it said goes to text_out.
 */
unsigned program_run(struct program *program, char text_out[QUEUE_EXIT_TEXT_MAX]);

#endif
