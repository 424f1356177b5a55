/* What a dial is to reach, and how (net/dial.h). */
#ifndef NET_DIAL_REQUEST_H
#define NET_DIAL_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "net/line.h"
#include "net/protocol.h"

enum dial_tls {
	DIAL_PLAIN,
	DIAL_TRY,      /* STARTTLS where offered, the certificate not verified; a login
			  only under TLS */
	DIAL_STARTTLS, /* or fail */
	DIAL_IMPLICIT,
};

struct dial_request { /* all texts are borrowed for dial_start's call only */
	enum dial_protocol protocol;
	const char *host;
	uint16_t port;
	enum dial_tls tls;
	const char *helo;   /* SMTP only */
	const char *user;   /* NULL: no login */
	const char *secret; /* password, or XOAUTH2's token: */
	bool is_token;
	const char *auth; /* NULL, or the one mechanism: plain login cram-md5 xoauth2 */
	const char *mechanism; /* NULL, or what dial_mechanism told of an earlier call */
	const char *cafile;    /* NULL: the system's */
	const char *name_servers; /* commas between; NULL: the system's */
	const char *bind_to; /* NULL, or what CURLOPT_INTERFACE takes; with "if!NAME" the
				name_servers are asked over that interface too */
	const char *addresses; /* NULL: ask; else the host's, as resolve.h writes them */
	struct span ticket; /* what dial_ticket gave of an earlier call to this server, or
			     * empty: saves a turn of the handshake. Never where
			     * certificates are not verified. */
	struct line line;   /* as far as it is known: the limits of each step */
	unsigned mss;       /* largest TCP segment; 0: as line.h says */
	bool clock_in_doubt; /* base/clock.h: a certificate cannot be judged by date */
	unsigned timeout_s;  /* until it is ready, all steps and tries together; 0: only
			      * the limits of the line */
};

#endif
