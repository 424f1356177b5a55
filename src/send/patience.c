/*
 * RFC 5321 4.5.3.2 allows a server five minutes for each reply, and ten after the final
 * dot: it may ask others about the message first. That is what it gets, but for two cases
 * in which silence means that the server, or a box in front of it, does not do what it
 * offers, and minutes of a paid line tell no more:
 *
 * - It was given several commands together, answered some of them, and is silent: it has
 *   thrown the others away (VPOP3). Half a minute, or ten round trips.
 * - It was given its first body by BDAT and is silent: a front that does not know BDAT
 *   waits for the end of a command line. Three minutes, for a virus scanner's sake.
 *
 * Once either has worked with this server it has the full time. That the line is dead is
 * noticed by TCP, not here (net/line.h).
 */
#include "send/patience.h"

#define CLOSING_S     10.
#define HALF_S        30.
#define HALF_TRIPS    10.
#define NEW_CHUNKED_S 180.
#define REPLY_S       300.
#define FINAL_S       600.

double patience_s(const struct patience_case *now)
{
	double trips_s = HALF_TRIPS * (double)now->rtt_us / 1e6;

	if (now->is_closing)
		return CLOSING_S;
	if (now->is_half_answered && now->is_pipelining_new)
		return trips_s > HALF_S ? trips_s : HALF_S;
	if (now->is_body_written && now->is_chunked && now->is_chunking_new)
		return NEW_CHUNKED_S;
	return now->is_body_written ? FINAL_S : REPLY_S;
}
