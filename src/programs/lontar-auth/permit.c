#include "programs/lontar-auth/permit.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/access.h"

#define REFRESH_MS      1000
#define REFUSALS_LOG_MS 1000
#define POP3_TIMEOUT_S  600 /* RFC 1939, 3: at least ten minutes */

const struct settings *current_settings(struct auth *auth)
{
	int64_t now_ms = clock_monotonic_ms();
	const char *stale;
	struct err err = { 0 };

	if (now_ms - auth->refreshed_ms < REFRESH_MS)
		return &auth->settings;
	auth->refreshed_ms = now_ms;
	if (!settings_refresh(auth->control_fd, &auth->settings, NULL, &err))
		log_failure(&err);
	stale = stale_watch(&auth->stale, auth->control_fd, now_ms);
	if (stale)
		log_warning("%s", stale);
	return &auth->settings;
}

/* A flood of clients must not become a flood of lines. */
static void log_refusal(struct auth *auth, const char *service, const char *remote_ip,
			const char *why)
{
	int64_t now_ms = clock_monotonic_ms();

	if (auth->told_ms && now_ms - auth->told_ms < REFUSALS_LOG_MS) {
		auth->told_nothing++;
		return;
	}
	log_info("client refused service=%s ip=%s why=\"%s\" unlogged=%u", service,
		 remote_ip, why, auth->told_nothing);
	auth->told_ms = now_ms;
	auth->told_nothing = 0;
}

static void refuse(struct auth_permit *answer, enum auth_verdict verdict, const char *why)
{
	answer->verdict = verdict;
	answer->text = span_of(why);
}

/* Mail from elsewhere comes to these only; the other services ask for a password, so
 * where the client is does not matter to them. */
static void apply_rules(struct auth *auth, const char *remote_ip,
			struct access *access_out, struct auth_permit *answer)
{
	struct err err = { 0 };

	if (!access_find(auth->control_fd, remote_ip, access_out, &err)) {
		err_context(&err, "may %s connect", remote_ip);
		log_failure(&err);
		refuse(answer, AUTH_LATER, "our settings are being changed, try later");
	} else if (!access_out->allowed) {
		refuse(answer, AUTH_NO, "your address may not send mail here");
	} else {
		answer->may_relay = access_out->may_relay;
		answer->relay_suffix = span_of(access_out->relay_suffix);
		if (access_out->has_databytes)
			answer->databytes = access_out->databytes;
	}
}

static bool has_rules(const char *service)
{
	return strcmp(service, "smtp") == 0 || strcmp(service, "qmtp") == 0 ||
	       strcmp(service, "qmqp") == 0;
}

static void admit(struct auth *auth, const char *remote_ip, struct auth_permit *answer)
{
	const struct settings *settings = &auth->settings;
	const struct remotes_limits limits = {
		.total = settings->concurrencyincoming,
		.per_address = settings->concurrencyperip,
		.per_minute = settings->connectrate,
	};

	switch (remotes_admit(auth->remotes, remote_ip, &limits, clock_monotonic_ms())) {
	case REMOTES_ADMITTED:
		break;
	case REMOTES_TOTAL:
		refuse(answer, AUTH_LATER, "too many connections, try later");
		break;
	case REMOTES_PER_ADDRESS:
		refuse(answer, AUTH_LATER,
		       "too many connections from your address, try later");
		break;
	case REMOTES_PER_MINUTE:
		refuse(answer, AUTH_LATER,
		       "too many new connections from your address, try later");
		break;
	}
}

bool permit(struct auth *auth, const char *service, const char *remote_ip, uint32_t tag,
	    struct buf *out)
{
	const struct settings *settings = current_settings(auth);
	struct access access = { 0 };
	bool pop3 = strncmp(service, "pop3", 4) == 0;
	bool plain = pop3 || strcmp(service, "web") == 0;
	struct auth_permit answer = {
		.verdict = AUTH_YES,
		.plain_logins = plain && access_plain_login(settings, remote_ip),
		.databytes = settings->databytes,
		.timeout_s = pop3 ? POP3_TIMEOUT_S : settings->timeoutsmtpd_s,
		.me = span_of(settings->me),
		.greeting = span_of(pop3 ? settings->me : settings->smtpgreeting),
	};

	if (has_rules(service))
		apply_rules(auth, remote_ip, &access, &answer);
	/* QMQP is how a host hands all its mail to another. */
	if (strcmp(service, "qmqp") == 0 && answer.verdict == AUTH_YES &&
	    !answer.may_relay)
		refuse(&answer, AUTH_NO, "your address may not relay here");
	if (answer.verdict == AUTH_YES)
		admit(auth, remote_ip, &answer);
	if (answer.verdict != AUTH_YES)
		log_refusal(auth, service, remote_ip, answer.text.at);
	auth_permit_put(out, tag, &answer);
	return answer.verdict == AUTH_YES;
}
