/*
 * A file of Postfix's queue: records of a type letter, a length (seven bits a byte, the
 * low ones first, 128 for "more follows") and as many bytes.
 *
 *   C T A ...  what the queue manager wants to know
 *   S          the sender
 *   R          a recipient to be served; D: he is done; /: taken back
 *   M          the message begins: N a line, L a part of one, w nothing
 *   X          it ends; records as before the message follow
 *   E          the end; must be there
 *   p          go on at this offset, where it is not 0 (a filter's changes)
 */
#ifndef IMPORT_POSTFIX_FILE_H
#define IMPORT_POSTFIX_FILE_H

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "import/queued.h"

/* The whole file in, the envelope and the message, piece by piece, out. Err, permanent:
 * it is torn or makes no sense; or what `put` said. */
bool postfix_file_parse(struct span file, struct queued *queued,
			bool (*put)(void *ctx, struct span piece, struct err *err),
			void *ctx, struct err *err) MUST_USE;

#endif
