/* What the files of the dial share; nothing else includes this. */
#ifndef NET_DIAL_PRIVATE_H
#define NET_DIAL_PRIVATE_H

#include <curl/curl.h>

#include "base/clock.h"
#include "net/dial.h"
#include "net/dial_failure.h"
#include "net/dial_state.h"

/* A step begins: its silence is measured from now on. */
static inline void dial_enter(struct dial *dial, enum dial_stage stage)
{
	dial->try.stage = stage;
	dial->try.moved_ms = clock_monotonic_ms();
}

/* dial_setup.c: all that libcurl must know before it starts. False: it could not be
 * told. */
bool dial_set_up(struct dial *dial, const struct dial_request *request) MUST_USE;

/* dial_curl.c: libcurl on the event loop */
void dial_curl_init(struct dial *dial);
void dial_curl_stop(struct dial *dial);
void dial_curl_set_up(struct dial *dial);
/* Begins a transfer that was added, or goes on with one. */
void dial_curl_act(struct dial *dial, curl_socket_t fd, int events);

/* dial_hear.c, what is said before the login: libcurl's header callback. 0: the
 * connection is of no use. */
size_t dial_hear(const char *bytes, size_t size, size_t count, void *ctx);
/* IMAP: a line that came in the login. */
void dial_hear_imap(struct dial *dial, struct span line);

/* dial_tls.c: certificates and sessions */
void dial_set_tls(struct dial *dial, const struct dial_request *request);
enum dial_certificate dial_judge_certificate(const struct dial *dial);

/* dial_socket.c: what TCP is told and tells */
void dial_set_sockets(struct dial *dial);
/* TCP's handshake is the first that is known of the line's round trip: what was set for
 * connecting gives way to the limits for a line like this. */
void dial_measure(struct dial *dial);
void dial_tick_init(struct dial *dial);

/* dial_login.c: the login */
void dial_log_in(struct dial *dial);
void dial_login_stop(struct dial *dial);

/* dial_failure.c, what a failure means: each ends the dial. */
void dial_fail(struct dial *dial, CURLcode code);
void dial_fail_silent(struct dial *dial, unsigned limit_ms);
void dial_fail_refused(struct dial *dial);
/* What was said is a refusal for good. */
bool dial_said_is_final(const struct dial *dial);
void dial_fail_missing(struct dial *dial, enum dial_stage stage, const char *story);

#endif
