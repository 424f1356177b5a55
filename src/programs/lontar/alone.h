/* A flush where no gateway runs. */
#ifndef PROGRAMS_LONTAR_ALONE_H
#define PROGRAMS_LONTAR_ALONE_H

#include "programs/lontar/command.h"

/* Starts lontar-flush for each smarthost named in the words, or for all with mail, side
 * by side, and waits. EX_TEMPFAIL: mail stays. */
bool flush_alone(struct command_context *context, struct err *err) MUST_USE;

#endif
