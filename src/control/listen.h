/*
 * control/listen: which services are offered where, "service address:port" a line; IPv6
 * as [::]:25; a service may have several lines. Port 0: the kernel picks one, the same
 * for all addresses of the service.
 */
#ifndef CONTROL_LISTEN_H
#define CONTROL_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

enum listen_service {
	LISTEN_SMTP,
	LISTEN_SUBMISSION,
	LISTEN_SMTPS,
	LISTEN_POP3,
	LISTEN_POP3S,
	LISTEN_WEB,
	LISTEN_QMTP,
	LISTEN_QMQP,
};
const char *listen_service_name(enum listen_service service);

#define LISTEN_ADDRESS_MAX 48

struct listen_entry {
	enum listen_service service;
	char text[LISTEN_ADDRESS_MAX];   /* the address, without brackets */
	struct sockaddr_storage address; /* and port, ready to bind */
	socklen_t address_len;
	uint16_t port;
	unsigned line;
};

struct listen {
	struct listen_entry *entries; /* in the file's order */
	size_t count;
};

/* Reads control/listen. Missing, or without an entry: an err as any wrong line is
 * (EX_CONFIG, with file, line and mend). Clear with listen_clear. */
bool listen_read(int control_fd, struct listen *listen_out, struct err *err) MUST_USE;
/* The same from text that is held already; no entry is fine here. */
bool listen_parse(struct span text, struct listen *listen_out, struct err *err) MUST_USE;
void listen_clear(struct listen *listen);

#endif
