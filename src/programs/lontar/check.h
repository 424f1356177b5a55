/* lontar check, in parts: each looks at one subject and tells every fault that it finds,
 * a line each. */
#ifndef PROGRAMS_LONTAR_CHECK_H
#define PROGRAMS_LONTAR_CHECK_H

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"

struct check {
	int root_fd;
	int control_fd;
	struct settings settings; /* as far as they could be read */
	unsigned faults;
};

/* What keeps the gateway from its work: file and line, what is wrong, the mend. */
void check_fault(struct check *check, const char *fmt, ...) PRINTF(2, 3);
void check_fault_err(struct check *check, const struct err *err);
/* What may be meant. */
void check_warning(const struct check *check, const char *fmt, ...) PRINTF(2, 3);

void check_folders(struct check *check);  /* there, and not open to everyone */
void check_files(struct check *check);    /* unknown ones in control/ */
void check_settings(struct check *check); /* all that settings.h reads */
void check_listen(struct check *check);
void check_tls(struct check *check);
void check_maps(struct check *check);     /* accounts, tcp.smtp and users/assign */
void check_aliases(struct check *check);  /* .qmail files */
void check_services(struct check *check); /* smarthosts, links, pickups, parked mail */
void check_stops(struct check *check);    /* what is stopped or held, and why */

#endif
