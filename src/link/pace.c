/*
 * On a link that loses packets by itself (radio, a bad telephone line) three things
 * differ:
 *
 * - To slow down at each loss, as CUBIC and Reno do, does not help: nothing is too full.
 *   BBR does not. It is no good choice for a link that loses nothing: before it knows the
 *   rate it overruns the queue, and every ten seconds it empties the link to look at the
 *   round trip. So it is used from the first loss on, and from the beginning of the next
 *   call.
 *
 * - Answers are late by the time of a retransmission or two. More messages have to be
 *   unanswered at a time, or the link idles meanwhile.
 *
 * - A lost SYN, greeting or EHLO costs a second or more, and at the end of the mail a
 *   lost last packet does. Connections side by side seldom lose theirs at the same time.
 *
 * None of it is done on a link that two or three segments fill (a modem, HF radio). There
 * is nothing to gain, and TCP's first timers take a segment that needs a third of a
 * second for a lost one. A loss that is seen while the queue is long says that the queue
 * ran over, and does not count. Nor does one that TCP found to be none (a duplicate
 * arrived), which it may find out late.
 */
#include "link/pace.h"

#define FLIGHT_MIN      UINT64_C(8192) /* of small messages a few, on the slowest modem */
#define FLIGHT_NEAR     UINT64_C(65536) /* bytes, if nothing is far away */
#define FLIGHT_MAX      UINT64_C(4194304)
#define NEAR_US         UINT64_C(20000)

#define LOSSY_PERMILLE  5
#define SYN_US          1000000 /* a round trip beyond this makes TCP repeat its SYN */
#define PRIOR_SEGMENTS  30
#define FLIGHT_LOSSY    4              /* times what fills the link */
#define LOSSY_BYTES     UINT64_C(2048) /* on the way at a time, or no loss counts */
#define LANES_LOSSY_MAX UINT64_C(4)

static uint64_t on_the_way(const struct pace *pace)
{
	return (uint64_t)((double)pace->bytes_per_s * (double)pace->rtt_us / 1e6);
}

/* What is remembered weighs as much as some segments do, so that a line which has become
 * better is known as a good one after a call or two. */
static void take_losses(struct pace *pace, const struct pace_sample *sample)
{
	bool queue_is_long = sample->rtt_us > 2 * pace->rtt_us || sample->rtt_us > SYN_US;
	bool may_lose = pace->lost_permille || on_the_way(pace) >= LOSSY_BYTES;
	uint64_t losses;

	pace->segments += sample->segments;
	if (!queue_is_long || sample->losses < 0)
		pace->losses += sample->losses;
	losses = pace->losses > 0 ? (uint64_t)pace->losses : 0;
	pace->lost_permille =
		(losses * 1000 + pace->remembered_permille * PRIOR_SEGMENTS) /
		(pace->segments + PRIOR_SEGMENTS);
	if (!may_lose || pace->lost_permille < LOSSY_PERMILLE)
		pace->lost_permille = 0;
}

void pace_take(struct pace *pace, const struct pace_sample *sample)
{
	if (!sample->min_rtt_us || !sample->rtt_us)
		return;
	/* Half or twice as far: another link, of which nothing is known. */
	if (!pace->measured && (sample->min_rtt_us > pace->rtt_us * 2 ||
				sample->min_rtt_us < pace->rtt_us / 2)) {
		pace->bytes_per_s = 0;
		pace->filled = false;
		pace->remembered_permille = 0;
	}
	/* Of several connections one may have begun behind the others' mail. */
	if (!pace->measured || sample->min_rtt_us < pace->rtt_us)
		pace->rtt_us = sample->min_rtt_us;
	pace->measured = true;
	pace->window_bytes = sample->window_bytes;
	pace->queues = sample->rtt_us > pace->rtt_us + pace->rtt_us / 8;
	pace->filled = pace->filled || pace->queues;
	pace->full = sample->rtt_us > pace->rtt_us + pace->rtt_us / 4;
	if (sample->bytes_per_s > pace->bytes_per_s)
		pace->bytes_per_s = sample->bytes_per_s;
	else if (pace->full && !sample->idle && sample->bytes_per_s)
		pace->bytes_per_s = (pace->bytes_per_s * 7 + sample->bytes_per_s) / 8;
	take_losses(pace, sample);
}

void pace_recall_losses(struct pace *pace, uint64_t lost_permille)
{
	pace->remembered_permille = pace->lost_permille = lost_permille;
}

void pace_take_message(struct pace *pace, uint64_t bytes, uint64_t took_us)
{
	uint64_t rate, moving_us;

	pace->took_us = pace->took_us ? (pace->took_us * 3 + took_us) / 4 : took_us;
	if (!pace->rtt_us || took_us <= pace->rtt_us)
		return;
	/* All but the round trip; less than a hundredth of it cannot be told from noise.
	 */
	moving_us = took_us - pace->rtt_us;
	if (moving_us < pace->rtt_us / 100)
		moving_us = pace->rtt_us / 100;
	rate = bytes * 1000000 / (moving_us ? moving_us : 1);
	if (rate > pace->bytes_per_s)
		pace->bytes_per_s = rate;
}

uint64_t pace_flight(const struct pace *pace, uint64_t message_bytes)
{
	uint64_t bytes = on_the_way(pace), least = FLIGHT_MIN;

	if (pace->rtt_us && pace->rtt_us < NEAR_US)
		least = FLIGHT_NEAR;
	if (pace->full) {
		/* Half of a round trip's worth more keeps the link full while answers
		 * are on their way. */
		bytes += bytes / 2 + message_bytes;
	} else {
		bytes = bytes * 2 + message_bytes;
		if (bytes < pace->window_bytes)
			bytes = pace->window_bytes;
	}
	if (bytes < least)
		bytes = least;
	if (pace->lost_permille)
		bytes *= FLIGHT_LOSSY;
	return bytes < FLIGHT_MAX ? bytes : FLIGHT_MAX;
}

bool pace_is_steady(const struct pace *pace)
{
	return pace->lost_permille > 0;
}

/* Two if any packet is lost, more if many are. */
static uint64_t lanes_for_losses(const struct pace *pace)
{
	uint64_t lanes = 2 + pace->lost_permille / 75;

	if (!pace->lost_permille)
		return 1;
	return lanes < LANES_LOSSY_MAX ? lanes : LANES_LOSSY_MAX;
}

unsigned pace_lanes(const struct pace *pace, uint64_t message_bytes, unsigned turns,
		    unsigned busy)
{
	uint64_t lanes = 2;

	if (pace->rtt_us < PACE_SHORT_US)
		return 1;
	if (!turns)
		return (unsigned)lanes_for_losses(pace);
	if (message_bytes)
		lanes = on_the_way(pace) * turns / message_bytes + 2;
	/* It takes long though nothing waits for the link: the server does its work while
	 * we wait, and can do more of it side by side. */
	if (!pace->queues && pace->took_us > pace->rtt_us * turns * 3 / 2 &&
	    lanes < busy + (busy + 1) / 2)
		lanes = busy + (busy + 1) / 2;
	if (lanes < 2)
		lanes = 2;
	return lanes < PACE_LANES_MAX ? (unsigned)lanes : PACE_LANES_MAX;
}
