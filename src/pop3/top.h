/* TOP (RFC 1939 section 7): a message's header, the blank line, and the first lines of
 * its body, cut out of the stored bytes as they come. */
#ifndef POP3_TOP_H
#define POP3_TOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

struct top {
	uint64_t lines; /* of the body, still wanted */
	bool in_body;
	bool line_has_text; /* what has come of the present line is not blank */
	bool done;          /* the rest is not wanted */
};

/* The part of `stored` at its front that is still wanted. */
struct span top_take(struct top *top, struct span stored);

#endif
