/*
 * What an OAuth 2 server answers: RFC 6749 5.1 and 5.2 (tokens, errors), RFC 8628 3.2 (a
 * device's code). JSON, read from a stranger: what is no plain text of a sensible length
 * counts as missing.
 */
#ifndef OAUTH_REPLY_H
#define OAUTH_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/span.h"

#define OAUTH_TOKEN_MAX 16000

struct oauth_reply { /* texts: NULL where missing */
	char *access_token;
	char *refresh_token;
	char *error;
	char *error_description;
	char *device_code;
	char *user_code;
	char *verification_uri;
	char *verification_uri_complete;
	uint64_t expires_in; /* seconds; 0: not said; likewise below */
	uint64_t interval;
	uint64_t refresh_token_expires_in;
};

/* Temporary err: no JSON object. Clear with oauth_reply_clear, which wipes it. */
bool oauth_reply_parse(struct span json, struct oauth_reply *reply_out,
		       struct err *err) MUST_USE;
void oauth_reply_clear(struct oauth_reply *reply);

#endif
