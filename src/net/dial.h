/*
 * A connection to a mail server, ready for work: greeting, EHLO (else HELO), CAPA or
 * CAPABILITY, STARTTLS or implicit TLS with a verified certificate, login. libcurl does
 * all but the login (CONNECT_ONLY, one handle a connection); what it negotiated is
 * checked here. The login is ours (net/login.h): another mechanism is tried, in a new
 * connection, if the server refuses one that it offers.
 *
 * A failure is temporary if the server cannot be reached or says later; permanent if it
 * refused with 5xx, offers no login or no TLS, or its certificate is not to be believed.
 * What happened exactly is told by dial_failure (net/dial_failure.h).
 */
#ifndef NET_DIAL_H
#define NET_DIAL_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"
#include "net/dial_request.h"

struct dial;
struct dial_failure;
/* Called once, from the loop: connected (err NULL) or failed. */
typedef void dial_handler(void *ctx, struct dial *dial, const struct err *err);

struct dial *dial_start(struct ev_loop *loop, const struct dial_request *request,
			dial_handler *handler, void *ctx);
/* At any time, also from the handler; closes the socket. NULL does nothing. */
void dial_close(struct dial *dial);

/* After a failure; borrowed from the dial. */
const struct dial_failure *dial_failure(const struct dial *dial);
/* After a failure: it was the TLS handshake, whatever the certificate. */
bool dial_failed_in_tls(const struct dial *dial);

/* Bytes used on the link so far (net/usage.h), also by what did not succeed. */
uint64_t dial_used(const struct dial *dial);
/* All that the name servers told of, as resolve.h writes them; "": none was asked. */
const char *dial_addresses(const struct dial *dial);
/* The MSS that was asked for, 0: the kernel's. More than in the request if large segments
 * vanished on the way (line.h): worth remembering for the link once it is connected. */
unsigned dial_mss(const struct dial *dial);

/* Once connected, all borrowed from the dial: */
int dial_fd(const struct dial *dial); /* to wait on, and for socket options only */
const char *dial_greeting(const struct dial *dial);
/* The answer to the last EHLO (empty after HELO) or CAPA, a line a line, without line
 * ends; of IMAP the words that CAPABILITY has after the login, where the server told them
 * by itself. */
struct span dial_ehlo(const struct dial *dial);
const char *dial_address(const struct dial *dial); /* the server's, as text */

/* What was seen of the server, to be remembered: less than before is not to be accepted
 * in silence (a portal in its place). */
bool dial_has_tls(const struct dial *dial);
bool dial_offers_login(const struct dial *dial);
/* The certificate was made by somebody whom cafile, or the system, trusts. Always, unless
 * TLS was only to be tried. */
bool dial_is_trusted(const struct dial *dial);
/* The name in the certificate that the host was found by, else its first name; "" without
 * TLS. */
const char *dial_certificate_name(const struct dial *dial);
/* "plain", "login", ...: the one that worked; "" without a login. */
const char *dial_mechanism(const struct dial *dial);
/* The newest session that the server would resume, a secret; empty: none. Grows by what
 * is read from the connection. */
struct span dial_ticket(const struct dial *dial);

/* The line is known better now: sets how long TCP waits for an acknowledgement. */
void dial_set_line(struct dial *dial, const struct line *line);
/* Whether TCP asks a silent peer if it is still there, which costs bytes: on (as it is at
 * first) while a reply is awaited. */
void dial_keepalive(const struct dial *dial, bool on);
/* Large segments vanish on the way (line_is_stalled). The dial closes such a connection
 * by itself: the next send or receive says DIAL_CLOSED. The remedy is a new dial with
 * .mss = LINE_MSS_SAFE; if that connects and sends, the line should be remembered so. */
bool dial_is_stalled(const struct dial *dial);

enum dial_io {
	DIAL_DONE,     /* *moved_out bytes, at least one */
	DIAL_AGAIN,    /* wait; then send the same bytes from the same place again */
	DIAL_FINISHED, /* received only: the server closed its side in order */
	DIAL_CLOSED,   /* an error: reset, or unreachable */
};
enum dial_io dial_send(struct dial *dial, const void *bytes, size_t len,
		       size_t *moved_out) MUST_USE;
/* Read until DIAL_AGAIN before waiting: TLS may hold more than the socket shows. */
enum dial_io dial_receive(struct dial *dial, void *bytes, size_t room,
			  size_t *moved_out) MUST_USE;

#endif
