/*
 * What a failure means. What the server said last decides, if it was a refusal, also when
 * it hung up behind it; then the certificate; the rest is the line's, and temporary.
 */
#include <stdio.h>
#include <string.h>

#include "net/dial_private.h"

/* Failures for a person, unless the server has put them in words of its own. */
static const CURLcode for_a_person[] = {
	CURLE_PEER_FAILED_VERIFICATION,
	CURLE_SSL_CACERT_BADFILE,
	CURLE_USE_SSL_FAILED,
	CURLE_SSL_CERTPROBLEM,
	CURLE_SSL_CIPHER,
	CURLE_SSL_ISSUER_ERROR,
	CURLE_LOGIN_DENIED,
};

/* Failures that may come of a refusal. */
static const CURLcode by_refusal[] = {
	CURLE_LOGIN_DENIED, CURLE_WEIRD_SERVER_REPLY, CURLE_REMOTE_ACCESS_DENIED,
	CURLE_AUTH_ERROR,   CURLE_USE_SSL_FAILED,     CURLE_RECV_ERROR,
	CURLE_SEND_ERROR,   CURLE_GOT_NOTHING,        CURLE_WRITE_ERROR,
};

static const char *const stages[] = {
	[DIAL_AT_RESOLVE] = "the name server", [DIAL_AT_CONNECT] = "the connection",
	[DIAL_AT_GREETING] = "the greeting",   [DIAL_AT_EHLO] = "EHLO",
	[DIAL_AT_TLS] = "the TLS handshake",   [DIAL_AT_CERTIFICATE] = "the certificate",
	[DIAL_AT_AUTH] = "the login",
};

static bool is_in(const CURLcode *codes, size_t count, CURLcode code)
{
	for (size_t i = 0; i < count; i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* POP3 and IMAP have no codes but these (RFC 2449 8, 3206, 5530): without one, a refused
 * login is final, since trying on may lock the account. BYE is no word about the login.
 */
bool dial_said_is_final(const struct dial *dial)
{
	static const char *const later[] = { "[IN-USE]",   "[LOGIN-DELAY]",
					     "[SYS/TEMP]", "[UNAVAILABLE]",
					     "[INUSE]",    "[LIMIT]",
					     "[SERVERBUG]" };
	const struct said *said = &dial->try.said;

	if (dial->try.is_foreign)
		return false;
	if (dial->protocol == DIAL_SMTP)
		return said->code >= 500;
	for (size_t i = 0; i < LENGTH(later); i++)
		if (strcasestr(said->text, later[i]))
			return false;
	return strncasecmp(said->text, "BYE", 3) != 0;
}

static void finish(struct dial *dial, bool for_person, const char *story)
{
	struct err err = { 0 };

	if (for_person)
		err_permanent(&err, "5.7.0", "%s", story);
	else
		err_temporary(&err, "4.4.1", "%s", story);
	err_context(&err, "%s port %u", dial->host, (unsigned)dial->port);
	dial->events->finished(dial, &err);
}

static void finish_answered(struct dial *dial)
{
	struct dial_failure *failure = &dial->failure;
	char words[SAID_TEXT_MAX], story[SAID_TEXT_MAX + 40];

	failure->answered = true;
	failure->said = dial->try.said;
	said_story(&failure->said, words, sizeof(words));
	snprintf(story, sizeof(story), "%s%s",
		 dial->try.is_foreign ? "not a mail server's greeting: " : "", words);
	finish(dial, dial_said_is_final(dial), story);
}

static void note_certificate(struct dial *dial, CURLcode code)
{
	struct dial_failure *failure = &dial->failure;

	if (code == CURLE_PEER_FAILED_VERIFICATION)
		failure->certificate = dial_judge_certificate(dial);
	else if (code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CERTPROBLEM ||
		 code == CURLE_SSL_ISSUER_ERROR)
		failure->certificate = DIAL_CERTIFICATE_OTHER;
	if (failure->certificate != DIAL_CERTIFICATE_FINE)
		failure->stage = DIAL_AT_CERTIFICATE;
}

void dial_fail(struct dial *dial, CURLcode code)
{
	const char *story =
		dial->try.error[0] ? dial->try.error : curl_easy_strerror(code);
	struct dial_failure *failure = &dial->failure;
	char doubt[CURL_ERROR_SIZE + 100];

	*failure = (struct dial_failure){ .stage = dial->try.stage };
	if (code == CURLE_USE_SSL_FAILED || code == CURLE_SSL_CONNECT_ERROR)
		failure->stage = DIAL_AT_TLS;
	if (is_in(by_refusal, LENGTH(by_refusal), code) && dial->try.said.is_refusal) {
		finish_answered(dial);
		return;
	}
	note_certificate(dial, code);
	failure->is_timeout = code == CURLE_OPERATION_TIMEDOUT;
	failure->is_missing = code == CURLE_USE_SSL_FAILED;
	if (failure->certificate == DIAL_CERTIFICATE_CLOCK) {
		snprintf(
			doubt, sizeof(doubt),
			"%s; but this machine's clock is wrong, so its date says nothing",
			story);
		story = doubt;
	}
	finish(dial,
	       is_in(for_a_person, LENGTH(for_a_person), code) &&
		       failure->certificate != DIAL_CERTIFICATE_CLOCK,
	       story);
}

void dial_fail_silent(struct dial *dial, unsigned limit_ms)
{
	char story[100];

	dial->failure =
		(struct dial_failure){ .stage = dial->try.stage, .is_timeout = true };
	snprintf(story, sizeof(story), "%s: no answer for %u seconds",
		 stages[dial->try.stage], limit_ms / 1000);
	finish(dial, false, story);
}

void dial_fail_refused(struct dial *dial)
{
	dial->failure = (struct dial_failure){ .stage = dial->try.stage };
	finish_answered(dial);
}

void dial_fail_missing(struct dial *dial, enum dial_stage stage, const char *story)
{
	dial->failure = (struct dial_failure){ .stage = stage, .is_missing = true };
	finish(dial, true, story);
}

const struct dial_failure *dial_failure(const struct dial *dial)
{
	return &dial->failure;
}

bool dial_failed_in_tls(const struct dial *dial)
{
	return dial->failure.stage == DIAL_AT_TLS && !dial->failure.is_missing &&
	       !dial->failure.answered && !dial->failure.is_timeout;
}
