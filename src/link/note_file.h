/*
 * A small file of "key=value" lines, and the struct that it fills: what the notes in
 * spool/state and spool/pickup are made of. Replaced atomically; what is missing, torn or
 * unknown is a lost hint, never an err.
 */
#ifndef LINK_NOTE_FILE_H
#define LINK_NOTE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum note_kind {
	NOTE_FLAG,   /* bool */
	NOTE_NUMBER, /* uint64_t */
	NOTE_TIME,   /* int64_t */
	NOTE_TEXT    /* char[]; line ends become blanks */
};

struct note_key {
	const char *name;
	enum note_kind kind;
	size_t offset;
	size_t room; /* of a text */
};

#define NOTE_KEY(type, field, kind)                           \
	{                                                     \
#field, (kind), offsetof(struct type, field), \
			sizeof(((struct type *)0)->field)     \
	}

/* The pieces of the two below, for a file that holds several structs: one line
 * "key=value" into the field that it names, and all fields as lines. */
void note_take_line(const struct note_key *keys, size_t count, struct span line,
		    void *note);
bool note_put_lines(struct buf *out, const struct note_key *keys, size_t count,
		    const void *note) MUST_USE;

/* Fields that the file does not have stay as they are. False: there is no such file. */
bool note_read(int root_fd, const char *path, const struct note_key *keys, size_t count,
	       void *note);
/* The folder exists. */
bool note_write(int root_fd, const char *path, const struct note_key *keys, size_t count,
		const void *note, struct err *err) MUST_USE;

#endif
