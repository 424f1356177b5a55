/*
 * Patience.
 *
 * A line may have two or three seconds of round trip and carry 40 bytes a second (HF
 * radio, a satellite phone's data call): a certificate chain of 4 kB alone takes two
 * minutes there. A server may think for minutes before it greets (RFC 5321 4.5.3.2.1
 * grants five). So no limit counts from the dial to the login; each counts the silence of
 * the server within one step, and is longer by ten round trips and by the time that the
 * line needs for what the step moves. A server that sends a byte now and then without
 * ever coming to an end is bounded by `whole_ms`.
 *
 * That the line itself is dead is noticed by TCP, much sooner: what was sent must be
 * acknowledged within USER_TIMEOUT_MS or ten round trips, and while nothing is on its
 * way the peer's kernel is asked every quarter of a minute whether it is still there.
 * This also keeps a NAT that forgets after 30 seconds from forgetting. The time counts
 * from the first retransmission, so it is below the minute within which a dead line is to
 * be noticed.
 *
 * On a line of less than SLOW_BYTES_PER_S one segment of 1,460 bytes would take longer
 * than the first retransmission timeouts of most kernels, which then send it again and
 * again for nothing: such a line gets small segments, in both directions.
 *
 * Large packets may vanish on the way without a word (RFC 2923 2.1). The first large one
 * of a dial is most often the server's certificate, so a handshake that stands still is
 * tried once more with small segments before it is given up.
 */
#include "net/line.h"

#define NAME_MS          2500
#define CONNECT_MS       75000  /* six SYNs */
#define REPLY_MS         300000 /* RFC 5321 4.5.3.2.1 */
#define HANDSHAKE_MS     60000
#define SMALL_MS         20000
#define WHOLE_MS         1800000
#define USER_TIMEOUT_MS  45000
#define KEEPALIVE_S      15
#define INTERVAL_S       10
#define ROUND_TRIPS      10

#define SLOW_BYTES_PER_S 200

/* Bytes that a step has on the line at one time, with their headers. */
#define NAME_BYTES          600
#define REPLY_BYTES         2000
#define HANDSHAKE_BYTES     8000
#define WHOLE_BYTES         32000
#define SEGMENTS            4
#define SEGMENT_BYTES       1500
#define HEADER_BYTES        40

#define STALLED_RETRANSMITS 5
#define STALLED_MS          10000
#define STALLED_ROUND_TRIPS 6

static unsigned bounded(uint64_t value)
{
	return value > INT32_MAX ? INT32_MAX : (unsigned)value;
}

static uint64_t time_of(const struct line *line, uint64_t bytes)
{
	return line->bytes_per_s ? bytes * 1000 / line->bytes_per_s : 0;
}

static unsigned silence(const struct line *line, uint64_t base_ms, uint64_t bytes)
{
	return bounded(base_ms + (uint64_t)ROUND_TRIPS * line->rtt_ms +
		       time_of(line, bytes));
}

static unsigned largest(uint64_t one, uint64_t two, uint64_t three)
{
	uint64_t most = one > two ? one : two;

	return bounded(most > three ? most : three);
}

struct line_limits line_limits(const struct line *line)
{
	bool slow = line->bytes_per_s && line->bytes_per_s < SLOW_BYTES_PER_S;
	uint64_t segment = slow ? LINE_MSS_SAFE + HEADER_BYTES : SEGMENT_BYTES;
	uint64_t round_trips_ms = (uint64_t)ROUND_TRIPS * line->rtt_ms;

	return (struct line_limits){
		.name_ms = largest(NAME_MS, 2 * (uint64_t)line->rtt_ms,
				   line->rtt_ms + time_of(line, NAME_BYTES)),
		.connect_ms = largest(CONNECT_MS, round_trips_ms, 0),
		.reply_ms = silence(line, REPLY_MS, REPLY_BYTES),
		.handshake_ms = silence(line, HANDSHAKE_MS, HANDSHAKE_BYTES),
		.small_ms = silence(line, SMALL_MS, HANDSHAKE_BYTES),
		.whole_ms = silence(line, WHOLE_MS, WHOLE_BYTES),
		.user_timeout_ms = largest(USER_TIMEOUT_MS, round_trips_ms,
					   time_of(line, SEGMENTS * segment)),
		.keepalive_idle_s = KEEPALIVE_S,
		.keepalive_interval_s =
			largest(INTERVAL_S, 2 * (uint64_t)line->rtt_ms / 1000, 0),
		.mss = slow ? LINE_MSS_SAFE : 0,
	};
}

/*
 * Two pictures of the same hole. Ours: a full segment is sent again and again, nothing of
 * it is acknowledged, and all that was acknowledged before may have been small segments.
 * The server's: the small last segment of its flight came, those before it did not, and
 * its kernel repeats them in vain. The number of retransmissions and the round trips keep
 * a line that only loses much from being suspected: at a loss of 20 % in both directions
 * five in a row are lost once in 150 times, and only before the first large one has
 * passed.
 */
bool line_is_stalled(const struct line_signs *signs)
{
	uint64_t patience_ms = (uint64_t)STALLED_ROUND_TRIPS * signs->rtt_ms;
	bool small_only = signs->acked <= signs->delivered * LINE_MSS_SAFE;

	if (patience_ms < STALLED_MS)
		patience_ms = STALLED_MS;
	if (signs->mss > LINE_MSS_SAFE && signs->acked && small_only &&
	    signs->retransmits >= STALLED_RETRANSMITS && signs->unacked >= signs->mss)
		return true;
	return signs->out_of_order && signs->silent_ms >= patience_ms;
}
