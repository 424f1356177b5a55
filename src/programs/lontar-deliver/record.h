/*
 * What is to be written down when a message is durable, whatever has become of who handed
 * it in by then: a line at the end of a file of his, passed as an open descriptor. So a
 * pickup that is killed while it waits for the verdict does not fetch the message again.
 */
#ifndef LONTAR_DELIVER_RECORD_H
#define LONTAR_DELIVER_RECORD_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/span.h"

#define RECORD_LINE_MAX 512

struct record {
	int fd; /* -1: none; owned. Its lock, if it has one, lasts as long. */
	size_t len;
	char line[RECORD_LINE_MAX];
};

#define RECORD_NONE ((struct record){ .fd = -1 })

/* Takes *fd, which is -1 afterwards. False: the line is too long, or that is no file to
 * append to. */
bool record_take(struct record *record, int *fd, struct span line) MUST_USE;
/* It is durable. A failure is logged: who handed it in looks for the line himself. */
void record_write(struct record *record);
void record_drop(struct record *record);

#endif
