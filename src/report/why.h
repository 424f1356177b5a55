/*
 * Why a parked message waits, in words for people: what `lontar queue` shows, and what
 * its sender is told when it takes long.
 */
#ifndef REPORT_WHY_H
#define REPORT_WHY_H

#include <stdint.h>

#include "report/status.h"

struct why {
	char text[640];
	int64_t next; /* wall clock seconds of its turn; 0: nobody knows */
};

/* Of the smarthost only name, note, link and allowance are looked at. */
void why_it_waits(const struct smarthost_status *smarthost,
		  const struct parked_name *name, int64_t now, struct why *why_out);

#endif
