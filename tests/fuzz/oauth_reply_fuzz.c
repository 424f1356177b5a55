/* What a server that makes tokens answers: what is kept can stand in a line of a file, a
 * login or on a terminal. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "oauth/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, char least)
{
	if (!text)
		return;
	assert(text[0] && strlen(text) <= OAUTH_TOKEN_MAX);
	for (; *text; text++)
		assert(*text >= least && *text <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oauth_reply reply;
	struct err err = { 0 };

	if (!oauth_reply_parse((struct span){ (const char *)data, size }, &reply, &err)) {
		assert(err.kind == ERR_TEMPORARY);
		return 0;
	}
	check(reply.access_token, '!');
	check(reply.refresh_token, '!');
	check(reply.error, '!');
	check(reply.device_code, '!');
	check(reply.verification_uri, '!');
	check(reply.verification_uri_complete, '!');
	check(reply.error_description, ' ');
	check(reply.user_code, ' ');
	assert(reply.expires_in < (uint64_t)1 << 32);
	oauth_reply_clear(&reply);
	return 0;
}
