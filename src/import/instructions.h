/* The text of .qmail files and boot scripts of a qmail home, made to work without it. */
#ifndef IMPORT_INSTRUCTIONS_H
#define IMPORT_INSTRUCTIONS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/span.h"

struct instructions {
	unsigned paths;        /* "./x" written in full */
	unsigned programs;     /* qmail's that are ours of the same name now */
	char foreign[64];      /* one of qmail's that is not ours; "" */
	char aliases_map[512]; /* fastforward's map, whose line was taken out; "" */
};

/* A file of alias/: mailboxes stay below HOME/alias, HOME/bin/forward is forward. False:
 * past out's ceiling. */
bool instructions_translate(const char *home, struct span text, struct buf *out,
			    struct instructions *done_out) MUST_USE;

/* What a boot script hands to qmail-start for usual deliveries. False: it says nothing
 * that can be read. */
bool instructions_usual(struct span script, struct buf *out) MUST_USE;

#endif
