/* What dial.c (the connection's life) and dial_setup.c (what libcurl is told, and what
 * the server says to it) share. Nobody else includes this. */
#ifndef NET_DIAL_PRIVATE_H
#define NET_DIAL_PRIVATE_H

#include <curl/curl.h>

#include "base/buf.h"
#include "net/dial.h"
#include "net/resolve.h"

#define DIAL_SOCKETS_MAX 8 /* libcurl tries two addresses at a time */
#define DIAL_LINE_MAX    500

struct dial {
	struct ev_loop *loop;
	dial_handler *handler;
	void *ctx;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *resolved;
	struct resolve *resolve;
	ev_io sockets[DIAL_SOCKETS_MAX];
	ev_timer timer;
	ev_timer deadline;
	ev_timer begin; /* with known addresses */
	enum dial_protocol protocol;
	char *host;
	uint16_t port;
	bool wants_tls;
	bool wants_login;
	bool has_tls;
	bool failed_in_tls;
	bool logged_in;
	bool login_begun;
	bool in_list;        /* POP3: the lines of CAPA follow */
	bool has_capability; /* IMAP: it was told, */
	bool is_capable;     /* and its OK came: what is told now is for the login */
	bool is_let_in;      /* IMAP: without a login (PREAUTH) */
	bool ended;          /* the handler was called */
	char greeting[DIAL_LINE_MAX];
	char refusal[DIAL_LINE_MAX]; /* the last 4xx, 5xx, -ERR, NO, BAD or BYE */
	struct buf ehlo;
	struct buf known;      /* addresses that need not be asked for */
	struct buf addresses;  /* that were */
	struct buf ticket_in;  /* offered to the server */
	struct buf ticket_out; /* it gave this one */
	char error[CURL_ERROR_SIZE];
	curl_socket_t fd;
	int open[DIAL_SOCKETS_MAX]; /* all that libcurl has opened, for dial_used */
	size_t open_count;
	uint64_t closed_bytes; /* used by those that are closed again */
};

/* libcurl's wishes, for its CURLMOPT_TIMERFUNCTION and CURLMOPT_SOCKETFUNCTION. */
int dial_want_timer(CURLM *multi, long timeout_ms, void *ctx);
int dial_want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused);

/* Everything that libcurl must know before it starts. False: it could not be told. */
bool dial_set_up(struct dial *dial, const struct dial_request *request) MUST_USE;

#endif
