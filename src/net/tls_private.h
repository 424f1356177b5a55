/* Shared by tls.c and tls_server.c only. */
#ifndef NET_TLS_PRIVATE_H
#define NET_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "net/tls.h"

struct tls_server {
	SSL_CTX *context;
};

/* OpenSSL's oldest complaint as an err, "what: reason", and its list emptied. Reasons are
 * OpenSSL's fixed words: nothing of a key or of what was said is in them. */
bool tls_fail(struct err *err, const char *what);

/* One handshake with a client of our own, in memory, speaking `version`. */
bool tls_rehearse(struct tls_server *server, int version, struct err *err) MUST_USE;

#endif
