/*
 * A flush for one host out of those that a smarthost of type mx sends to: direct.c starts
 * it, as a process of its own, with the host, the domains it takes mail of, and the
 * messages, on stdin. It holds nothing, idles for nothing, and what it could not do is
 * for direct.c to judge.
 */
#ifndef LONTAR_FLUSH_DESTINATION_H
#define LONTAR_FLUSH_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

struct flush;
struct mail;
struct mx_host;

struct destination;

/* Its exit codes beside EX_OK: the host could not be connected to; the connection ended
 * before all was answered. */
#define DESTINATION_NOT_REACHED 69
#define DESTINATION_LOST        74

/* What direct.c writes: the host, then a line for each domain and message. */
bool destination_put_host(struct buf *out, const struct mx_host *host) MUST_USE;
bool destination_put_domain(struct buf *out, const char *domain) MUST_USE;
bool destination_put_message(struct buf *out, const char *id) MUST_USE;

/* Reads stdin, and sets the flush up for it: its smarthost has been loaded. */
bool destination_read(struct flush *flush, struct err *err) MUST_USE;
void destination_free(struct destination *destination); /* NULL does nothing */

/* The message is ours to send. */
bool destination_has(const struct destination *destination, const char *id);
/* Leaves the recipients at other domains out of this turn. */
void destination_limit(const struct destination *destination, struct mail *mail);

/* The same for one domain alone. */
void destination_limit_to(const char *domain, struct mail *mail);

#endif
