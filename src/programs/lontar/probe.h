/* Sends the two mails that prove a multidrop field (lontar-pickup/probe.h looks for
 * them): one to the first address with the second as a blind copy, one to both. Parked
 * for a smarthost by the gateway's own user, past its routes, since here the addresses
 * are local. */
#ifndef PROGRAMS_LONTAR_PROBE_H
#define PROGRAMS_LONTAR_PROBE_H

#include "programs/lontar/command.h"

struct probe_order {
	const char *pickup;
	const char *smarthost; /* NULL: the only one there is */
	const char *addresses[2];
};

bool probe_send(struct command_context *context, const struct probe_order *order,
		struct err *err) MUST_USE;

#endif
