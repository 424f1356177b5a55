/* What is noted of letters that have gone, by whatever way, is forgotten. */
#ifndef SEND_STOPS_PRUNE_H
#define SEND_STOPS_PRUNE_H

#include "link/stops.h"
#include "store/parked.h"

/* Removes the stops whose letter is not in the Maildir any more. Reads the Maildir only
 * if there are stops of letters. False: it cannot be read, and all stops are kept. */
bool stops_prune(struct stops *stops, struct parked *parked, struct err *err) MUST_USE;

#endif
