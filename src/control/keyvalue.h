/*
 * Files of "key value" or "key=value" lines: smarthosts/NAME, links/NAME, pickups/NAME.
 * Empty lines and lines that begin with "#" are ignored; blanks round key, "=" and value
 * too. An unknown key, a key given twice and an empty value are errs (EX_CONFIG) with
 * file, line and mend.
 */
#ifndef CONTROL_KEYVALUE_H
#define CONTROL_KEYVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

enum keyvalue_kind {
	KEYVALUE_TEXT,    /* char *, owned by the struct */
	KEYVALUE_WORD,    /* unsigned: the place in words */
	KEYVALUE_NUMBER,  /* uint64_t, at most max */
	KEYVALUE_BYTES,   /* uint64_t, with k, m, g */
	KEYVALUE_SECONDS, /* uint64_t, at most max; with s, m, h, d, w */
	KEYVALUE_PORT,    /* uint16_t, 1 to 65535 */
	KEYVALUE_NAMES,   /* struct settings_list, separated by blanks or commas */
	KEYVALUE_REPEATED /* struct settings_list; the key may stand more than once */
};

struct keyvalue_key {
	const char *name; /* NULL ends a table */
	enum keyvalue_kind kind;
	size_t offset;            /* in the struct that is filled */
	const char *const *words; /* KEYVALUE_WORD; NULL ends them */
	uint64_t max;             /* KEYVALUE_NUMBER, _BYTES and _SECONDS */
};

/* Reads control/PATH into *target; what no line names is left as it is. What was read
 * before an err stays in *target: clear it with keyvalue_clear. A missing file: exit code
 * EX_NOINPUT. */
bool keyvalue_read(int control_fd, const char *path, const struct keyvalue_key *keys,
		   void *target, struct err *err) MUST_USE;

/* Who hears of a wrong line. */
struct keyvalue_ear {
	void (*fault)(void *ctx, const struct err *err);
	void *ctx;
};
/* As keyvalue_read, but a wrong line is told and passed over. False: the file cannot be
 * read. */
bool keyvalue_read_all(int control_fd, const char *path, const struct keyvalue_key *keys,
		       void *target, const struct keyvalue_ear *ear,
		       struct err *err) MUST_USE;

/* The same from text that is held already; path is for the err. */
bool keyvalue_parse(const char *path, struct span text, const struct keyvalue_key *keys,
		    void *target, struct err *err) MUST_USE;

/* Frees what the keys filled. */
void keyvalue_clear(const struct keyvalue_key *keys, void *target);

#endif
