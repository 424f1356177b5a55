/* IP networks, "192.168.0.0/16" or "fd00::/8"; an IPv4 address mapped into IPv6 is the
 * IPv4 address. */
#ifndef CONTROL_NETWORK_H
#define CONTROL_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/span.h"

struct network {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;
};

/* "address[/bits]"; a zone behind an address ("%eth0") is ignored. False: it is none, or
 * has bits set behind its length. */
bool network_parse(struct span text, struct network *network_out) MUST_USE;

/* Both from network_parse. */
bool network_has(const struct network *network, const struct network *address);

/* As people write it: IPv4 undecorated, IPv6 as RFC 5952 has it. */
#define NETWORK_TEXT_MAX 48
const char *network_format_address(const struct network *address,
				   char text_out[NETWORK_TEXT_MAX]);

#endif
