/*
 * The gateway's own certificate: made self-signed by `lontar init`, judged by `lontar
 * check`. All in PEM.
 */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define CERTIFICATE_YEARS 10

/* A new EC P-256 key and a certificate of ten years for host, appended. */
bool certificate_make(const char *host, struct buf *certificate_out, struct buf *key_out,
		      struct err *err) MUST_USE;

/* The chain's first certificate is valid now and for another day, and the key is its
 * own. Else an err that says which of it is not so (EX_CONFIG). */
bool certificate_check(struct span certificate, struct span key,
		       struct err *err) MUST_USE;

#endif
