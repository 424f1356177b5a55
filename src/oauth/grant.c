#include "oauth/grant.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "control/secret.h"
#include "net/http.h"

#define DEVICE_GRANT      "urn:ietf:params:oauth:grant-type:device_code"
#define INTERVAL_UNSAID_S 5 /* RFC 8628 3.2 */
#define DEVICE_UNSAID_S   900

/* Where names in a login's file are no whole paths, they are below control/. */
static const char *control_path(int control_fd, const char *path, char out[PATH_MAX])
{
	if (!path || path[0] == '/')
		return path;
	snprintf(out, PATH_MAX, "/proc/self/fd/%d/%s", control_fd, path);
	return out;
}

/* True: an answer in JSON, whatever it says. */
static bool ask(int control_fd, const struct login *login, const char *url,
		const struct http_field *fields, struct oauth_reply *reply_out,
		struct err *err)
{
	AUTO_BUF answer = BUF_INIT(HTTP_ANSWER_MAX);
	char cafile[PATH_MAX];
	long status = 0;
	bool done;

	if (!buf_reserve(&answer, HTTP_ANSWER_MAX))
		return err_temporary(err, "4.3.0", "no room for an answer");
	done = http_post(url, control_path(control_fd, login->cafile, cafile), fields,
			 &answer, &status, err) &&
	       (oauth_reply_parse(buf_span(&answer), reply_out, err) ||
		err_context(err, "%s: HTTP %ld", url, status));
	if (answer.len)
		explicit_bzero(answer.data, answer.len);
	/* Neither yes nor no: a server that is being mended. */
	if (done && status >= 500) {
		oauth_reply_clear(reply_out);
		return err_temporary(err, "4.7.0", "%s: HTTP %ld", url, status);
	}
	return done;
}

/* In a secret that stays wrong a person must mend something; what is in error is none. */
static bool refuse(const struct login *login, struct oauth_reply *reply, struct err *err)
{
	bool is_over = reply->error && strcmp(reply->error, "invalid_grant") == 0;
	bool is_busy =
		reply->error && (strcmp(reply->error, "slow_down") == 0 ||
				 strcmp(reply->error, "temporarily_unavailable") == 0 ||
				 strcmp(reply->error, "server_error") == 0);
	char text[300];

	snprintf(text, sizeof(text), "%.60s%s%.200s",
		 reply->error ? reply->error : "an answer without tokens",
		 reply->error_description ? ": " : "",
		 reply->error_description ? reply->error_description : "");
	oauth_reply_clear(reply);
	if (is_over)
		return err_exit(err, EX_NOPERM, "login %s: %s; run `lontar login %s`",
				login->name, text, login->name);
	if (is_busy)
		return err_temporary(err, "4.7.0", "login %s: %s", login->name, text);
	return err_exit(err, EX_CONFIG,
			"login %s: %s; mend control/logins/%s, or ask the provider",
			login->name, text, login->name);
}

/* NULL, and no err, where there is none. */
static bool read_client_secret(int control_fd, const struct login *login,
			       char **secret_out, struct err *err)
{
	*secret_out = NULL;
	if (!login->clientsecretfile)
		return true;
	*secret_out = secret_read(control_fd, login->clientsecretfile, err);
	return *secret_out != NULL;
}

static void forget(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

bool oauth_device_begin(int control_fd, const struct login *login,
			struct oauth_reply *reply_out, struct err *err)
{
	const struct http_field fields[] = {
		{ "client_id", login->clientid },
		{ "scope", login->scope[0] ? login->scope : NULL },
		{ NULL, NULL },
	};

	if (!ask(control_fd, login, login->deviceurl, fields, reply_out, err))
		return false;
	if (!reply_out->device_code || !reply_out->user_code ||
	    !reply_out->verification_uri)
		return refuse(login, reply_out, err);
	if (!reply_out->interval)
		reply_out->interval = INTERVAL_UNSAID_S;
	if (!reply_out->expires_in)
		reply_out->expires_in = DEVICE_UNSAID_S;
	return true;
}

enum oauth_poll oauth_device_poll(int control_fd, const struct login *login,
				  const char *device_code, struct oauth_reply *reply_out,
				  struct err *err)
{
	enum oauth_poll poll = OAUTH_FAILED;
	char *secret;

	if (!read_client_secret(control_fd, login, &secret, err))
		return OAUTH_FAILED;
	if (ask(control_fd, login, login->tokenurl,
		(const struct http_field[]){ { "grant_type", DEVICE_GRANT },
					     { "device_code", device_code },
					     { "client_id", login->clientid },
					     { "client_secret", secret },
					     { NULL, NULL } },
		reply_out, err)) {
		const char *error = reply_out->error ? reply_out->error : "";

		if (reply_out->access_token && reply_out->refresh_token)
			poll = OAUTH_GRANTED;
		else if (strcmp(error, "authorization_pending") == 0)
			poll = OAUTH_PENDING;
		else if (strcmp(error, "slow_down") == 0)
			poll = OAUTH_SLOWER;
		else
			(void)refuse(login, reply_out, err);
		if (poll != OAUTH_GRANTED)
			oauth_reply_clear(reply_out);
	}
	forget(secret);
	return poll;
}

static bool make_random(char out[OAUTH_RANDOM_MAX], struct err *err)
{
	unsigned char bytes[(OAUTH_RANDOM_MAX - 1) / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, "getrandom");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

bool oauth_code_begin(const struct login *login, struct oauth_code *code_out,
		      struct buf *address_out, struct err *err)
{
	if (!make_random(code_out->state, err) || !make_random(code_out->verifier, err))
		return false;
	if (buf_appendf(address_out, "%s%s", login->authurl,
			strchr(login->authurl, '?') ? "&" : "?") &&
	    http_form_append(address_out,
			     (const struct http_field[]){
				     { "response_type", "code" },
				     { "client_id", login->clientid },
				     { "redirect_uri", OAUTH_REDIRECT },
				     { "scope", login->scope[0] ? login->scope : NULL },
				     { "state", code_out->state },
				     { "code_challenge", code_out->verifier },
				     { "code_challenge_method", "plain" },
				     /* Google's words for: a refresh token too. */
				     { "access_type", "offline" },
				     { "prompt", "consent" },
				     { NULL, NULL } }))
		return true;
	return err_exit(err, EX_CONFIG, "authurl and scope are too long");
}

/* NULL and err: it is no such address, or another one's. */
static char *take_code(const struct oauth_code *code, struct span pasted, struct err *err)
{
	const char *mark = pasted.len ? memchr(pasted.at, '?', pasted.len) : NULL;
	AUTO_BUF alone = BUF_INIT(OAUTH_TOKEN_MAX);
	char *found, *state;
	bool is_ours;

	if (mark) {
		pasted = span_after(pasted, (size_t)(mark - pasted.at) + 1);
		state = http_form_find(pasted, "state");
		is_ours = state && strcmp(state, code->state) == 0;
		free(state);
		found = is_ours ? http_form_find(pasted, "code") : NULL;
		if (found)
			return found;
	} else if (pasted.len && !memchr(pasted.at, ':', pasted.len) &&
		   buf_append_span(&alone, pasted)) {
		return buf_take(&alone);
	}
	err_exit(err, EX_DATAERR,
		 "that is not what the browser shows at the end: an address that begins "
		 "with " OAUTH_REDIRECT "; run it again");
	return NULL;
}

bool oauth_code_finish(int control_fd, const struct login *login,
		       const struct oauth_code *code, struct span pasted,
		       struct oauth_reply *reply_out, struct err *err)
{
	char *secret, *taken = take_code(code, pasted, err);
	bool done;

	if (!taken)
		return false;
	done = read_client_secret(control_fd, login, &secret, err) &&
	       ask(control_fd, login, login->tokenurl,
		   (const struct http_field[]){ { "grant_type", "authorization_code" },
						{ "code", taken },
						{ "redirect_uri", OAUTH_REDIRECT },
						{ "code_verifier", code->verifier },
						{ "client_id", login->clientid },
						{ "client_secret", secret },
						{ NULL, NULL } },
		   reply_out, err);
	forget(secret);
	forget(taken);
	return done && ((reply_out->access_token && reply_out->refresh_token) ||
			refuse(login, reply_out, err));
}

bool oauth_refresh(int control_fd, const struct login *login, const char *refresh_token,
		   struct oauth_reply *reply_out, struct err *err)
{
	bool done;
	char *secret;

	if (!read_client_secret(control_fd, login, &secret, err))
		return false;
	done = ask(control_fd, login, login->tokenurl,
		   (const struct http_field[]){
			   { "grant_type", "refresh_token" },
			   { "refresh_token", refresh_token },
			   { "client_id", login->clientid },
			   { "client_secret", secret },
			   { "scope", login->scope[0] ? login->scope : NULL },
			   { NULL, NULL } },
		   reply_out, err);
	forget(secret);
	return done && (reply_out->access_token || refuse(login, reply_out, err));
}
