/* Telling the postmaster, and a sender of the office, of stops (report/stop_letter.h). */
#ifndef SEND_STOPS_TELL_H
#define SEND_STOPS_TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"
#include "link/stops.h"

/* With the smarthost's lock held: a letter for each stop whose time to be told has come,
 * and `told` is set in it. *stops is written if it changed. False: a letter could not be
 * sent now, or the file not be written; it is told at the next time. */
bool stops_tell(int root_fd, const struct settings *settings, const char *smarthost,
		struct stops *stops, int64_t now, struct err *err) MUST_USE;

#endif
