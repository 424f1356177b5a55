/* How long a connection waits for a reply. Pure; the policy is in front of patience.c. */
#ifndef SEND_PATIENCE_H
#define SEND_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience_case {
	bool is_closing;        /* the server said that it closes (421) */
	bool is_half_answered;  /* some of several pipelined commands were answered */
	bool is_pipelining_new; /* it never answered such commands before */
	bool is_body_written;   /* the reply to a body is awaited */
	bool is_chunked;        /* the body went by BDAT */
	bool is_chunking_new;   /* this server never took a body by BDAT */
	uint64_t rtt_us;        /* 0: not known */
};

/* Seconds of silence. */
double patience_s(const struct patience_case *now);

#endif
