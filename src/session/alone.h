/*
 * A session program without a master: one client, on stdin and stdout, whom tcpserver or
 * inetd let in. The current folder is the gateway's root. In the order of calling:
 */
#ifndef SESSION_ALONE_H
#define SESSION_ALONE_H

#include "base/attr.h"
#include "base/err.h"
#include "net/listener.h"
#include "session/worker.h"

struct alone {
	struct worker *worker;
	ev_signal term;
	int exit_code;
};

/* Of the client: what tcpserver's environment says (TCPREMOTEIP), else who is at the
 * socket's other end, else "unknown". */
void alone_find_ip(char ip_out[LISTENER_ADDRESS_MAX]);

/* Opens what will be needed; TLS where there is lontar-auth and a certificate that can be
 * read. The worker has its protocol, nothing else. SIGTERM stops it. */
bool alone_begin(struct alone *alone, struct worker *worker, enum worker_auth auth,
		 struct err *err) MUST_USE;

/* Locks the process in and lets the client in. NULL and err. */
struct client *alone_let_in(struct alone *alone, const char *service, const char *ip,
			    struct err *err) MUST_USE;

/* Until all is said. The exit code. */
int alone_run(struct alone *alone);

/* Where there can be no session: the client hears this in any case. */
void alone_turn_away(const char *reply);

#endif
