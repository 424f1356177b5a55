/*
 * The status page: what waits, why, and the large messages that can be asked for. The
 * parts:
 *
 *   web      libmicrohttpd on our event loop, and who may connect
 *   request  one request, from its login to its answer
 *   peers    lontar-auth and lontar-link, which know all that is asked
 *   page     the answers: for people, as JSON, as metrics
 *
 * Nothing here opens a file. A request waits (MHD_suspend_connection) while lontar-auth
 * and lontar-link think.
 */
#ifndef LONTAR_WEB_WEB_H
#define LONTAR_WEB_WEB_H

#include <ev.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "ipc/acceptor.h"
#include "ipc/peer.h"
#include "ipc/service.h"

struct request;

struct web {
	struct service service;
	struct acceptor acceptors[SERVICE_LISTENERS_MAX];
	struct peer *auth;
	struct peer *link;
	struct request *first;
	uint32_t last_tag;
	struct MHD_Daemon *daemon;
	ev_io work;     /* the daemon's epoll descriptor */
	ev_timer due;   /* what it wants to look at later */
	ev_prepare run; /* a request can go on */
	bool go_on;
	int exit_code;
};

bool web_open(struct web *web, struct err *err) MUST_USE;
void web_close(struct web *web);
/* A request was resumed: the daemon has work before the loop sleeps. */
void web_go_on(struct web *web);

#endif
