/* A dial, inside. Only the files of the dial include this. */
#ifndef NET_DIAL_STATE_H
#define NET_DIAL_STATE_H

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
	bool is_trusted; /* the certificate, by whom it was made */
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
	uint64_t received, out_of_order; /* segments out of order when bytes last came */
};

struct dial;

/* What the files of the dial tell dial.c, which alone knows its whole life. */
struct dial_events {
	/* libcurl is done, and the server is ready for the login or for work. */
	void (*connected)(struct dial *dial);
	/* The same connection once more, from the loop. Not from a callback of libcurl.
	 */
	void (*again)(struct dial *dial);
	/* It has ended: ready (err NULL), or failed. Nothing of the dial is touched
	 * after it, since its owner may close it. */
	void (*finished)(struct dial *dial, const struct err *err);
};

struct dial {
	const struct dial_events *events;
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
	char *cafile;       /* NULL: the system's */
	bool is_unverified; /* TLS is only to be tried */
	uint16_t port;
	bool is_implicit;
	bool wants_tls;
	bool wants_login;
	bool clock_in_doubt;
	bool ended; /* the handler was called */
	bool is_stalled;
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

#endif
