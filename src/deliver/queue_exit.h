/*
 * What qmail-queue, and whatever stands in its place, says by its exit code
 * (qmail-queue(8), and the custom error of netqmail and notqmail).
 */
#ifndef DELIVER_QUEUE_EXIT_H
#define DELIVER_QUEUE_EXIT_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

#define QUEUE_EXIT_TOO_LONG 11 /* an address */
#define QUEUE_EXIT_REFUSED  31
#define QUEUE_EXIT_MEMORY   51
#define QUEUE_EXIT_TIMEOUT  52
#define QUEUE_EXIT_WRITE    53
#define QUEUE_EXIT_READ     54
#define QUEUE_EXIT_SETTINGS 55
#define QUEUE_EXIT_HOME     61
#define QUEUE_EXIT_LATER    71
#define QUEUE_EXIT_BUG      81
#define QUEUE_EXIT_CUSTOM                                             \
	82 /* a letter, D or Z, and a text stand on descriptor 4 or 6 \
	    */
#define QUEUE_EXIT_ENVELOPE 91
#define QUEUE_EXIT_NO_START 120
#define QUEUE_EXIT_TEXT_MAX 256

/* True: taken (0). Else err: 11 to 40 and 115 are permanent, all that is not known is
 * temporary. text: what it said, "" for nothing. */
bool queue_exit_verdict(unsigned exit_code, const char *text, struct err *err) MUST_USE;

#endif
