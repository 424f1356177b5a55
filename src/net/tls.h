/*
 * TLS as one more engine: bytes from the wire in, plain text out, and back, over memory
 * BIOs (OpenSSL). It owns no socket; net/connection.h joins it to one.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct tls_server; /* a certificate and its settings, shared by all sessions of a worker
		    */

/* Reads chain and key (PEM) from the descriptors, from their start; they stay the
 * caller's. TLS 1.2 and newer, tickets, no renegotiation, no compression. Runs one
 * handshake with itself, so that nothing is opened later under the sandbox. */
struct tls_server *tls_server_new(int certificate_fd, int key_fd,
				  struct err *err) MUST_USE;
/* Sessions that use it keep it alive. */
void tls_server_free(struct tls_server *server);

struct tls; /* one session */
/* Ends the program with 75 where there is no memory. */
struct tls *tls_accept(struct tls_server *server) MUST_USE;
void tls_free(struct tls *tls);

/* Feeds wire bytes (all are taken) and appends what plain text comes of it; what must go
 * out on the wire is appended to wire_out. What plain_out has no room for waits inside
 * (tls_is_holding): feed again, no bytes, when there is room. False: the session is over
 * (err: why; a proper close leaves err->kind ERR_NONE). */
bool tls_feed(struct tls *tls, struct span wire, struct buf *plain_out,
	      struct buf *wire_out, struct err *err) MUST_USE;
/* Encrypts. Only after tls_is_ready. */
bool tls_write(struct tls *tls, struct span plain, struct buf *wire_out,
	       struct err *err) MUST_USE;
bool tls_is_ready(const struct tls *tls);
bool tls_is_holding(const struct tls *tls);
/* close_notify. */
void tls_shutdown(struct tls *tls, struct buf *wire_out);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", borrowed. */
const char *tls_describe(const struct tls *tls);

#endif
