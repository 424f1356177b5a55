/*
 * spool/incoming: drafts, none of which has been acknowledged. What is found there when
 * the gateway starts was never promised to anybody.
 */
#ifndef STORE_INCOMING_H
#define STORE_INCOMING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "mail/maildir.h"

/* Disk and inodes for so many bytes, with a reserve for settling and bounces; 4.3.1. */
bool incoming_has_room(int root_fd, uint64_t bytes, struct err *err) MUST_USE;

/* spool/incoming/ID */
void incoming_path(const char *id, char path_out[MAILDIR_NAME_MAX]);

/* Creates it; its reader's descriptor goes to *reader_out, the writer's, which can only
 * append (and truncate: delivery_seal looks), is returned. Both are the caller's. */
int incoming_create(int root_fd, const char *id, int *reader_out,
		    struct err *err) MUST_USE;

/* A file without a name, to read and write: gone when the last descriptor is. -1 and err.
 */
int incoming_scratch(int root_fd, struct err *err) MUST_USE;

/* What root makes, where no gateway runs, belongs to whom spool/incoming belongs to:
 * lontar, who has to read it later. */
bool incoming_give(int root_fd, const char *path, struct err *err) MUST_USE;

/* Removes everything in spool/incoming, when the gateway starts; unless somebody outside
 * of it is just using it: then the garbage waits for the next start. */
bool incoming_clear(int root_fd, struct err *err) MUST_USE;
/* Says so: the descriptor, to be closed when done, or -1 and err. */
int incoming_use(int root_fd, struct err *err) MUST_USE;

#endif
