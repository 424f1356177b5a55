/*
 * A control file of sendmail's queue (qfID): lines whose first letter says what they are.
 *
 *   S<address>           the sender
 *   R[flags:]<address>   a recipient who is still to be served
 *   H?flags?Name: value  a header field; lines behind it that begin with a blank belong
 *                        to it. Flags: only for mailers that have them
 *   .                    the end; must be there
 *
 * The body is the file dfID. Everything else (V T K N P C d A E F I M Q ...) is for
 * sendmail.
 */
#ifndef IMPORT_SENDMAIL_FILE_H
#define IMPORT_SENDMAIL_FILE_H

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "import/queued.h"

/* The envelope, and the header with its empty line. Err, permanent: it is torn or makes
 * no sense; what was found before is in *queued then, to be cleared. */
bool sendmail_file_parse(struct span text, struct queued *queued, struct buf *header,
			 struct err *err) MUST_USE;

#endif
