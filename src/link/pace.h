/*
 * How much is to be under way on a link, by what was seen of its round trip, its rate and
 * its losses: enough that it is full, and no more, since what is too much waits in the
 * modem's queue or is lost there. Pure: samples in, numbers out.
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
	uint64_t segments;      /* sent in this call, */
	int64_t losses;         /* and those of them that the link lost by itself */
	uint64_t lost_permille; /* the share of these, in this call or by the memory; 0:
				 * none, or too few */
	uint64_t remembered_permille;
};

struct pace_sample {
	uint64_t rtt_us;       /* lately */
	uint64_t min_rtt_us;   /* ever on this connection; 0: none of both is known */
	uint64_t bytes_per_s;  /* seen to arrive; 0: unknown */
	uint64_t window_bytes; /* TCP's own: what it would have under way */
	bool idle;             /* there was less to send than the link would have taken */
	uint64_t segments;     /* sent since the connection's last sample */
	int64_t losses; /* that had to be sent again since then; below 0: some of those
			 * told before had arrived after all */
};
void pace_take(struct pace *pace, const struct pace_sample *sample);
/* Of the last call over the same link. */
void pace_recall_losses(struct pace *pace, uint64_t lost_permille);
/* One message took so long from its first byte to its answer. */
void pace_take_message(struct pace *pace, uint64_t bytes, uint64_t took_us);

/* Bytes that are to be on the way at a time, if messages are so large on average. */
uint64_t pace_flight(const struct pace *pace, uint64_t message_bytes);

/* Whether TCP should not slow down whenever a packet is lost (BBR's way, not CUBIC's). */
bool pace_is_steady(const struct pace *pace);

/* Connections side by side that fill the link, if each spends so many round trips a
 * message without sending; `busy`: so many are at work now. 1 to PACE_LANES_MAX. */
unsigned pace_lanes(const struct pace *pace, uint64_t message_bytes, unsigned turns,
		    unsigned busy);

#endif
