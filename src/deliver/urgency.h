/* How urgent what a delivery parks is: P of its names. */
#ifndef DELIVER_URGENCY_H
#define DELIVER_URGENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "control/settings.h"
#include "store/delivery.h"

/* Sets it before delivery_seal, by the header of the `bytes` behind the draft's head and
 * control/priorities. For mail of our own users only: strangers do not say what goes
 * first here. Reads nothing where nothing is parked. */
void urgency_decide(struct delivery *delivery, const struct settings *settings,
		    uint64_t bytes);

#endif
