/*
 * What stands behind the colon in smtproutes and senderroutes: "relay", "relay:port",
 * "[address]", "[address]:port" or a bare IPv6 address. Its parked Maildir is named after
 * it: the smarthost file of that name where there is one and no port is given, else the
 * host.
 */
#ifndef CONTROL_RELAY_H
#define CONTROL_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/routes.h"

struct relay {
	char host[256]; /* lower case, without brackets */
	uint16_t port;  /* 0: none given */
	char smarthost[SMARTHOST_NAME_MAX];
};

/* Permanent err (EX_CONFIG): not a relay. The text has no file and line. */
bool relay_parse(const char *text, struct relay *relay_out, struct err *err) MUST_USE;

#endif
