/*
 * Which lines have been done, in this try or an earlier one: each is a number made from
 * the line's text, so that a .qmail file that was edited in between runs what is new.
 * lontar-dispatch keeps them durably; a crash repeats at most the line under way.
 */
#ifndef PROGRAMS_LONTAR_LOCAL_MARKS_H
#define PROGRAMS_LONTAR_LOCAL_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "deliver/qmail_file.h"

struct marks {         /* valid when zeroed */
	uint64_t *all; /* sorted */
	size_t count;
};

/* Reads what earlier tries have done. */
bool marks_read(struct marks *marks, int fd, struct err *err) MUST_USE;
void marks_clear(struct marks *marks);

bool marks_has(const struct marks *marks, uint64_t mark);

/* The mark of a line. occurrence: how many lines before it are the same. */
uint64_t mark_of(const struct qmail_line *line, size_t occurrence);
/* That nothing behind this line is to be done. */
uint64_t mark_of_stop(uint64_t mark);

/* Tells lontar-dispatch and waits until it is durable. */
bool marks_tell(const uint64_t *marks, size_t count, struct err *err) MUST_USE;

#endif
