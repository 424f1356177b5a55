/*
 * Who may do what by address: control/tcp.smtp (ucspi-tcp's rules, see rules.h) and
 * control/plainnets. The rules are read from tcp.smtp.cdb as tcpserver would (most exact
 * first: the address, its beginnings up to a dot or colon, the empty one); without
 * tcp.smtp at all, loopback and the private LAN ranges (RFC 1918, fc00::/7, fe80::/10)
 * may relay and nobody else.
 */
#ifndef CONTROL_ACCESS_H
#define CONTROL_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings.h"

struct access {
	bool allowed;
	bool may_relay;        /* RELAYCLIENT is set */
	char relay_suffix[64]; /* and its value */
	bool has_databytes;
	uint64_t databytes;
	bool has_filter;  /* QMAILQUEUE is set: */
	char filter[256]; /* this program, or "" for none, counts instead of the setting
			   */
	char rule[128];   /* the rule that decided, for `lontar explain` and the log */
};

/* remote_ip as text; an IPv4 address mapped into IPv6 counts as IPv4. Temporary err:
 * tcp.smtp has not been compiled, or its map cannot be read. */
bool access_find(int control_fd, const char *remote_ip, struct access *access_out,
		 struct err *err) MUST_USE;

/* Compiles tcp.smtp to tcp.smtp.cdb; without it, a map that is there is left alone. An
 * err (EX_CONFIG) names file and line, and the old map stays. */
bool access_rebuild(int control_fd, struct err *err) MUST_USE;

/* Loopback, or in a network of plainnets (CIDR). */
bool access_plain_login(const struct settings *settings, const char *remote_ip);

/* An address literal is loopback. */
bool access_is_loopback(const char *remote_ip);

#endif
