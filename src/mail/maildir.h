/*
 * Names in a Maildir: unique ones made, and the facts behind the first comma or colon
 * read.
 *
 * UNIQUE is SECONDS.M<microseconds>P<pid>Q<count>.HOST; it never changes in a file's life
 * and is its id everywhere (UIDL, `lontar queue`). In a mailbox a file is
 * UNIQUE,S=bytes on disk,W=bytes on the wire in new/, with ":2,FLAGS" in cur/.
 */
#ifndef MAIL_MAILDIR_H
#define MAIL_MAILDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

#define MAILDIR_UNIQUE_MAX 80
#define MAILDIR_NAME_MAX   256

/* A new unique name: no other call, process or host (by its name, of which the first 24
 * letters that may stand in a file name are used) gives the same. */
void maildir_unique(const char *host, char unique_out[MAILDIR_UNIQUE_MAX]);

/* The part before the first comma or colon: UNIQUE. */
struct span maildir_id(const char *name);

/* The number behind ",KEY=" of a name, before any ":2,"; false where there is none. */
bool maildir_fact(const char *name, char key, uint64_t *value_out);

/* The flags behind ":2,", "" where there are none. Borrowed. */
const char *maildir_flags(const char *name);

#endif
