/* What the files of the dial share; nothing else includes this.
 *
 * dial.c          its life: names, tries, the end
 * dial_setup.c    what libcurl is told
 * dial_curl.c     libcurl on the event loop
 * dial_hear.c     what the server says before the login
 * dial_tls.c      certificates and sessions
 * dial_socket.c   what TCP is told and tells: limits, keepalive, stalls
 * dial_login.c    the login
 * dial_failure.c  what a failure means
 */
#ifndef NET_DIAL_PRIVATE_H
#define NET_DIAL_PRIVATE_H

#include <curl/curl.h>

#include "base/buf.h"
#include "net/dial.h"
#include "net/dial_failure.h"
#include "net/login.h"
#include "net/resolve.h"
#include "net/said.h"

#define DIAL_SOCKETS_MAX 8 /* libcurl tries two addresses at a time */
#define DIAL_LINE_MAX    500
#define DIAL_NAME_MAX    256

/* Of one connection: zeroed for the next try. */
struct dial_try {
	enum dial_stage stage;
	bool has_tls;
	bool is_let_in;  /* IMAP: without a login (PREAUTH) */
	bool in_list;    /* POP3: the lines of CAPA follow */
	bool is_foreign; /* the server does not speak the protocol */
	char greeting[DIAL_LINE_MAX];
	struct said said;
	char certificate_name[DIAL_NAME_MAX];
	char error[CURL_ERROR_SIZE];
	curl_socket_t fd;
	struct login login;
	uint64_t moved; /* bytes, to see whether any have moved since */
	int64_t moved_ms;
};

struct dial {
	struct ev_loop *loop;
	dial_handler *handler;
	void *ctx;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *resolved;
	struct resolve *resolve;
	ev_io sockets[DIAL_SOCKETS_MAX];
	ev_io login_io;
	ev_timer timer;
	ev_timer deadline;
	ev_timer begin; /* of a try whose addresses are known */
	ev_timer tick;  /* has anything moved? */
	enum dial_protocol protocol;
	char *host;
	uint16_t port;
	bool is_implicit;
	bool wants_tls;
	bool wants_login;
	bool clock_in_doubt;
	bool ended; /* the handler was called */
	struct line line;
	struct line_limits limits;
	unsigned mss;
	char *user, *secret; /* until the end */
	struct mechanism_known choice;
	struct dial_try try;
	struct dial_failure failure;
	struct buf offer;      /* of EHLO, CAPA or CAPABILITY, before the login */
	struct buf ehlo;       /* IMAP: CAPABILITY after it */
	struct buf known;      /* addresses that need not be asked for */
	struct buf addresses;  /* that were */
	struct buf ticket_in;  /* offered to the server */
	struct buf ticket_out; /* it gave this one */
	struct buf login_in;   /* received in the login and not heard yet */
	struct buf login_out;
	int open[DIAL_SOCKETS_MAX]; /* all that libcurl has opened, for dial_used */
	size_t open_count;
	uint64_t closed_bytes; /* used by those that are closed again */
};

/* dial.c */
/* Calls the handler, once. Nothing is touched after it: it may close us. */
void dial_finish(struct dial *dial, const struct err *err);
/* The same connection once more, from the loop. Not from a callback of libcurl. */
void dial_again(struct dial *dial);
/* Libcurl is done, and the server ready for the login or for work. */
void dial_on_connected(struct dial *dial);

/* dial_setup.c: all that libcurl must know before it starts. False: it could not be
 * told. */
bool dial_set_up(struct dial *dial, const struct dial_request *request) MUST_USE;

/* dial_curl.c */
void dial_curl_init(struct dial *dial);
void dial_curl_stop(struct dial *dial);
void dial_curl_set_up(struct dial *dial);
/* Begins a transfer that was added, or goes on with one. */
void dial_curl_act(struct dial *dial, curl_socket_t fd, int events);

/* dial_hear.c: libcurl's header callback. 0: the connection is of no use. */
size_t dial_hear(const char *bytes, size_t size, size_t count, void *ctx);
/* IMAP: a line that came in the login. */
void dial_hear_imap(struct dial *dial, struct span line);

/* dial_tls.c */
void dial_set_tls(struct dial *dial, const struct dial_request *request);
enum dial_certificate dial_judge_certificate(const struct dial *dial);

/* dial_socket.c */
void dial_set_sockets(struct dial *dial);
/* A step begins: its silence is measured from now on. */
void dial_enter(struct dial *dial, enum dial_stage stage);
/* TCP's handshake is the first that is known of the line's round trip: what was set for
 * connecting gives way to the limits for a line like this. */
void dial_measure(struct dial *dial);
void dial_tick_init(struct dial *dial);

/* dial_login.c */
void dial_log_in(struct dial *dial);
void dial_login_stop(struct dial *dial);

/* dial_failure.c: each ends the dial. */
void dial_fail(struct dial *dial, CURLcode code);
void dial_fail_silent(struct dial *dial, unsigned limit_ms);
void dial_fail_refused(struct dial *dial);
/* What was said is a refusal for good. */
bool dial_said_is_final(const struct dial *dial);
void dial_fail_missing(struct dial *dial, enum dial_stage stage, const char *story);

#endif
