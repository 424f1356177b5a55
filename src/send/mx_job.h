/*
 * The job of a process for one mail host of a smarthost of type mx: the host, the domains
 * it takes mail of, and the messages. mx_delivery.h starts the process and writes the job
 * to its standard input. The process stops nothing and idles for nothing; what it could
 * not do is for the process that started it to judge.
 */
#ifndef SEND_MX_JOB_H
#define SEND_MX_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

struct outgoing;
struct mx_host;

struct mx_job;

/* Exit codes of the process beside EX_OK: the host could not be connected to; the
 * connection ended before all was answered. */
#define MX_JOB_NOT_REACHED 69
#define MX_JOB_LOST        74

/* The job's text: the host, then a line for each domain and message. False: it is too
 * large. */
bool mx_job_put_host(struct buf *out, const struct mx_host *host) MUST_USE;
bool mx_job_put_domain(struct buf *out, const char *domain) MUST_USE;
bool mx_job_put_message(struct buf *out, const char *id) MUST_USE;

/* Reads standard input. NULL and err: it is no job. Free with mx_job_free. */
struct mx_job *mx_job_read(struct err *err) MUST_USE;
void mx_job_free(struct mx_job *job); /* NULL does nothing */

/* The mail host, and its addresses as net/resolve.h writes them. Borrowed. */
const char *mx_job_host(const struct mx_job *job);
const char *mx_job_addresses(const struct mx_job *job);
/* The message is part of the job. */
bool mx_job_has(const struct mx_job *job, const char *id);
/* Leaves recipients out of this turn that are not at a domain of the job; the second: not
 * at this domain. */
void mx_job_limit(const struct mx_job *job, struct outgoing *message);
void mx_job_limit_to(const char *domain, struct outgoing *message);

#endif
