/*
 * A form sent over HTTPS and its answer, for what providers ask for beside mail: tokens.
 * Blocks; nothing here is for an event loop. Certificates are checked, redirects are not
 * followed.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

#define HTTP_ANSWER_MAX ((size_t)64 * 1024)
#define HTTP_TIMEOUT_S  45 /* of a token command's minute */

struct http_field {
	const char *name;
	const char *value; /* NULL: the field is left out */
};

/* Appends the fields (a name of NULL ends them) as application/x-www-form-urlencoded. */
bool http_form_append(struct buf *out, const struct http_field *fields) MUST_USE;
/* The value of a field in such a text, decoded; NULL: none, or one with a NUL. Caller
 * frees. */
char *http_form_find(struct span form, const char *name);

/* Sends the fields (a name of NULL ends them) as application/x-www-form-urlencoded.
 * *status_out is HTTP's; answer, a buf of HTTP_ANSWER_MAX, has the body. False, and a
 * temporary err: there was no answer, or too long a one. cafile may be NULL. */
bool http_post(const char *url, const char *cafile, const struct http_field *fields,
	       struct buf *answer, long *status_out, struct err *err) MUST_USE;

#endif
