/*
 * Why a parked message waits, in words for people: what `lontar queue` shows, and what
 * its sender is told when it takes long.
 */
#ifndef REPORT_WHY_H
#define REPORT_WHY_H

#include <stdint.h>

#include "report/status.h"
#include "report/stop_text.h"

struct why {
	char text[STOP_TEXT_MAX];
	int64_t next;   /* wall clock seconds of its turn; 0: not known */
	char scope[16]; /* what keeps it (link/stops.h); "": only its turn */
	char reason[STOP_REASON_MAX]; /* the words of the server that stopped it; "" */
	int64_t until; /* when that ends by itself; 0: at the next link-up, or not */
	char mend[sizeof(((struct stop *)0)->mend) + 100]; /* what a person may do; "" */
};

/* Of the smarthost only name, note, link, allowance and next_call are looked at. stop:
 * what keeps this message (stops_keeping); NULL: nothing does. */
void why_it_waits(const struct smarthost_status *smarthost, const struct stop *stop,
		  const struct parked_name *name, int64_t now, struct why *why_out);

#endif
