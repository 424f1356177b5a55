/* What lontar-deliver logs of a message taken in, in qmail's grammar: the message's
 * number is the inode of its file. */
#ifndef LONTAR_DELIVER_REPORT_H
#define LONTAR_DELIVER_REPORT_H

#include <stdint.h>

#include "control/settings.h"
#include "store/delivery.h"

/* deliveries: the last delivery's number, counted on. */
void report_delivery(const struct delivery *delivery, const struct settings *settings,
		     uint64_t *deliveries);

#endif
