/* Tells the gateway that a link went up or down; where none runs, records it for its
 * start. settings: "key=value" lines (link/change.h). */
#ifndef PROGRAMS_LONTAR_TELL_LINK_H
#define PROGRAMS_LONTAR_TELL_LINK_H

#include "programs/lontar/command.h"

bool tell_link(struct command_context *context, const char *name, bool up,
	       struct span settings, struct err *err) MUST_USE;

#endif
