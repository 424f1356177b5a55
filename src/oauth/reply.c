#include "oauth/reply.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/number.h"

#define SECONDS_MAX ((uint64_t)10 * 365 * 86400)

static const struct {
	const char *name;
	size_t offset;
	bool may_have_blanks;
} texts[] = {
	{ "access_token", offsetof(struct oauth_reply, access_token), false },
	{ "refresh_token", offsetof(struct oauth_reply, refresh_token), false },
	{ "error", offsetof(struct oauth_reply, error), false },
	{ "error_description", offsetof(struct oauth_reply, error_description), true },
	{ "device_code", offsetof(struct oauth_reply, device_code), false },
	{ "user_code", offsetof(struct oauth_reply, user_code), true },
	{ "verification_uri", offsetof(struct oauth_reply, verification_uri), false },
	/* As Google says it. */
	{ "verification_url", offsetof(struct oauth_reply, verification_uri), false },
	{ "verification_uri_complete",
	  offsetof(struct oauth_reply, verification_uri_complete), false },
};

static const struct {
	const char *name;
	size_t offset;
} numbers[] = {
	{ "expires_in", offsetof(struct oauth_reply, expires_in) },
	{ "interval", offsetof(struct oauth_reply, interval) },
	{ "refresh_token_expires_in",
	  offsetof(struct oauth_reply, refresh_token_expires_in) },
};

static char **text_at(struct oauth_reply *reply, size_t i)
{
	return (char **)(void *)((char *)reply + texts[i].offset);
}

/* Printable ASCII: it goes into a file of lines, a login, a terminal. */
static char *take_text(const json_t *value, bool may_have_blanks)
{
	const char *text = json_string_value(value);
	char least = may_have_blanks ? ' ' : '!';
	char *copy;

	if (!text || !text[0] || strlen(text) > OAUTH_TOKEN_MAX)
		return NULL;
	copy = must_copy(text);
	for (char *c = copy; *c; c++) {
		if (*c >= least && *c <= '~')
			continue;
		if (!may_have_blanks) {
			explicit_bzero(copy, strlen(copy));
			free(copy);
			return NULL;
		}
		*c = '?';
	}
	return copy;
}

/* Microsoft's old server writes its numbers as texts. */
static uint64_t take_number(const json_t *value)
{
	const char *text = json_string_value(value);
	uint64_t number = 0;

	if (text && !number_parse(span_of(text), SECONDS_MAX, &number))
		return 0;
	if (json_is_integer(value) && json_integer_value(value) > 0)
		number = (uint64_t)json_integer_value(value);
	return number > SECONDS_MAX ? SECONDS_MAX : number;
}

bool oauth_reply_parse(struct span json, struct oauth_reply *reply_out, struct err *err)
{
	json_t *root = json_loadb(json.at, json.len, 0, NULL);

	*reply_out = (struct oauth_reply){ .interval = 0 };
	if (!json_is_object(root)) {
		json_decref(root);
		return err_temporary(err, "4.7.0", "the server's answer is no JSON");
	}
	for (size_t i = 0; i < LENGTH(texts); i++) {
		char **text = text_at(reply_out, i);

		if (!*text)
			*text = take_text(json_object_get(root, texts[i].name),
					  texts[i].may_have_blanks);
	}
	for (size_t i = 0; i < LENGTH(numbers); i++)
		*(uint64_t *)(void *)((char *)reply_out + numbers[i].offset) =
			take_number(json_object_get(root, numbers[i].name));
	json_decref(root);
	return true;
}

void oauth_reply_clear(struct oauth_reply *reply)
{
	for (size_t i = 0; i < LENGTH(texts); i++) {
		char **text = text_at(reply, i);

		if (*text)
			explicit_bzero(*text, strlen(*text));
		free(*text);
		*text = NULL;
	}
	*reply = (struct oauth_reply){ .interval = 0 };
}
