#include "control/relay.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/span.h"
#include "control/signature.h"
#include "control/smarthost.h"

/* Letters that a host name or an address has; nothing that a path or a line could. */
static bool is_host(const char *host)
{
	for (const char *at = host; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr(".-_:", *at))
			return false;
	return host[0] && host[0] != '-' && host[0] != '.';
}

/* The Maildir's name for a host that has no file: its own where that is a valid name,
 * else with what may not stand there replaced and a number that tells it from the next.
 */
static void name_host(struct relay *relay)
{
	char plain[sizeof(relay->host) + 8];
	uint64_t number;
	int cut;

	if (relay->port)
		snprintf(plain, sizeof(plain), "%s-%u", relay->host, relay->port);
	else
		snprintf(plain, sizeof(plain), "%s", relay->host);
	if (smarthost_name_is_valid(plain)) {
		snprintf(relay->smarthost, sizeof(relay->smarthost), "%.*s",
			 SMARTHOST_NAME_MAX - 1, plain);
		return;
	}
	number = signature_text(SIGNATURE_START, plain);
	for (char *at = plain; *at; at++)
		if (!isalnum((unsigned char)*at) && *at != '.')
			*at = '-';
	cut = SMARTHOST_NAME_MAX - 20;
	snprintf(relay->smarthost, sizeof(relay->smarthost), "h%.*s-%08" PRIx32, cut,
		 plain, (uint32_t)(number ^ number >> 32));
}

static bool take_host(struct span *rest, struct relay *relay)
{
	struct span host;
	struct in6_addr address;

	if (inet_pton(AF_INET6, rest->at, &address) == 1) { /* bare, without a port */
		host = *rest;
		*rest = (struct span){ NULL, 0 };
	} else if (rest->len && rest->at[0] == '[') {
		*rest = span_after(*rest, 1);
		if (!memchr(rest->at, ']', rest->len) || !span_cut(rest, ']', &host) ||
		    (rest->len && rest->at[0] != ':'))
			return false;
		*rest = rest->len ? span_after(*rest, 1) : (struct span){ NULL, 0 };
	} else if (!span_cut(rest, ':', &host)) {
		return false;
	}
	if (!host.len || host.len >= sizeof(relay->host))
		return false;
	for (size_t i = 0; i < host.len; i++)
		relay->host[i] = (char)tolower((unsigned char)host.at[i]);
	relay->host[host.len] = '\0';
	return is_host(relay->host);
}

bool relay_parse(const char *text, struct relay *relay_out, struct err *err)
{
	char plain[sizeof(relay_out->host) + 16];
	struct span rest;
	uint64_t port = 0;

	*relay_out = (struct relay){ 0 };
	snprintf(plain, sizeof(plain), "%.*s", SPAN_ARG(span_trim(span_of(text))));
	rest = span_of(plain);
	if (!rest.len)
		return err_exit(err, EX_CONFIG,
				"no relay behind the \":\"; name a smarthost or a host");
	if (!take_host(&rest, relay_out))
		return err_exit(err, EX_CONFIG,
				"\"%.80s\" is not a relay; write a smarthost's name, "
				"host, host:port or [address]:port",
				text);
	if (rest.at && (!number_parse(rest, 65535, &port) || port == 0))
		return err_exit(err, EX_CONFIG, "\"%.80s\" has no port from 1 to 65535",
				text);
	relay_out->port = (uint16_t)port;
	name_host(relay_out);
	return true;
}
