/*
 * How much is to be under way on a link, by what was seen of its round trip and its rate:
 * enough that it is full, and no more, since what is too much waits in the modem's queue
 * or is lost there. Pure: samples in, numbers out.
 *
 * The rate is what was seen to arrive: while nothing queues, the link may take more, and
 * what is allowed doubles with each round trip, as TCP's slow start does.
 */
#ifndef LINK_PACE_H
#define LINK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_LANES_MAX 20
/* Below this a connection of its own for each message saves nothing. */
#define PACE_SHORT_US 5000

struct pace {                  /* valid when zeroed: nothing is known */
	uint64_t rtt_us;       /* with nothing queued; 0: unknown */
	uint64_t bytes_per_s;  /* 0: unknown */
	bool measured;         /* in this call: what is told before is a memory */
	uint64_t window_bytes; /* TCP's own */
	uint64_t took_us;      /* by the last messages, one at a time; 0: unknown */
	bool queues;           /* something waited for the link at the last look ... */
	bool full;             /* ... for a good part of a round trip */
	bool filled; /* it did at some time, in this call or by the memory: bytes_per_s is
		      * the link's */
};

struct pace_sample {
	uint64_t rtt_us;       /* lately */
	uint64_t min_rtt_us;   /* ever on this connection; 0: none of both is known */
	uint64_t bytes_per_s;  /* seen to arrive; 0: unknown */
	uint64_t window_bytes; /* TCP's own: what it would have under way */
	bool idle;             /* there was less to send than the link would have taken */
};
void pace_take(struct pace *pace, const struct pace_sample *sample);
/* One message took so long from its first byte to its answer. */
void pace_take_message(struct pace *pace, uint64_t bytes, uint64_t took_us);

/* Bytes that are to be on the way at a time, where messages are so large on average. */
uint64_t pace_flight(const struct pace *pace, uint64_t message_bytes);

/* Connections side by side that fill the link, where each spends so many round trips a
 * message without sending; `busy`: so many are at work now. 1 to PACE_LANES_MAX. */
unsigned pace_lanes(const struct pace *pace, uint64_t message_bytes, unsigned turns,
		    unsigned busy);

#endif
