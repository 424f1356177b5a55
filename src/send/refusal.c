/*
 * Policy.
 *
 * On the way to the sea, or in a hotel, something else may answer in the server's place:
 * a captive portal, a proxy of the provider. It shows by what is missing: no TLS or no
 * login where there was one, a certificate with another name. Mail is not given to it,
 * and it is no fault that a person has to see to: the network is stopped, and tried again
 * after a while and at the next link-up. The same things missing from a server that never
 * had them are a wrong setting, and the postmaster is told.
 *
 * A certificate that is "not yet valid" or "expired" by a clock that cannot be right
 * (base/clock.h) says nothing about the certificate: it is tried again when the clock is
 * right. An expired one by a good clock, one of another name from the first day on, or
 * one that nothing trusts is told.
 */
#include "send/refusal.h"

#include <string.h>
#include <strings.h>

static const char network_mend[] =
	"If the provider has really changed its server, write \"tlslevel any\" into the "
	"smarthost's file.";

static struct verdict network(const char *rule, const char *what)
{
	return (struct verdict){ .scope = VERDICT_NETWORK,
				 .action = VERDICT_STOP,
				 .rule = rule,
				 .what = what,
				 .mend = network_mend };
}

static struct verdict of_missing(enum dial_stage stage, const struct peer_memory *memory)
{
	if (stage == DIAL_AT_AUTH && memory->login_worked)
		return network("login-is-gone", "no login where there was one");
	if (stage == DIAL_AT_TLS && memory->tls > PEER_TLS_NONE)
		return network("tls-is-gone", "no TLS where there was TLS");
	if (stage == DIAL_AT_AUTH)
		return (struct verdict){
			.scope = VERDICT_LOGIN,
			.action = VERDICT_STOP,
			.rule = "no-login-offered",
			.what = "the server offers no login",
			.mend = "Look whether host, port and tls in the smarthost's file are "
				"those that the provider names for sending mail."
		};
	return (struct verdict){
		.scope = VERDICT_PLACE,
		.action = VERDICT_STOP,
		.rule = "no-tls-offered",
		.what = "the server offers no TLS",
		.mend = "Look whether host, port and tls in the smarthost's "
			"file are those that the provider names for sending "
			"mail."
	};
}

static struct verdict of_certificate(enum dial_certificate certificate,
				     const struct peer_memory *memory)
{
	struct verdict verdict = {
		.scope = VERDICT_CERTIFICATE,
		.action = VERDICT_STOP,
		.rule = "certificate",
		.what = "the server's certificate is not to be believed",
		.mend = "Ask the provider for the right host name; for a certificate of its "
			"own making, name it as cafile in the smarthost's file."
	};

	switch (certificate) {
	case DIAL_CERTIFICATE_CLOCK:
		verdict.scope = VERDICT_CLOCK;
		verdict.rule = "clock";
		verdict.what = "the clock of this machine is wrong";
		verdict.mend = "Set the clock; the mail then goes by itself.";
		break;
	case DIAL_CERTIFICATE_NAME:
	case DIAL_CERTIFICATE_UNTRUSTED:
		if (memory->tls >= PEER_TLS_NAMED)
			verdict = network("another-certificate",
					  "another machine answers for the server");
		break;
	case DIAL_CERTIFICATE_EXPIRED:
		verdict.what = "the server's certificate has expired";
		verdict.mend =
			"Tell the provider; if the date of this machine is wrong, set "
			"its clock.";
		break;
	case DIAL_CERTIFICATE_NOT_YET_VALID:
		verdict.what = "the server's certificate is not valid yet";
		verdict.mend = "Look whether the date of this machine is right.";
		break;
	case DIAL_CERTIFICATE_FINE:
	case DIAL_CERTIFICATE_OTHER:
		break;
	}
	return verdict;
}

static enum verdict_stage stage_of(enum dial_stage stage)
{
	if (stage == DIAL_AT_GREETING)
		return VERDICT_AT_CONNECT;
	return stage == DIAL_AT_AUTH ? VERDICT_AT_AUTH : VERDICT_AT_EHLO;
}

bool refusal_of_dial(const struct dial_failure *failure,
		     const struct verdict_rules *rules, const struct verdict_known *known,
		     const struct peer_memory *memory, struct verdict *verdict_out)
{
	if (failure->stage == DIAL_AT_CERTIFICATE) {
		*verdict_out = of_certificate(failure->certificate, memory);
		return true;
	}
	if (failure->is_missing) {
		*verdict_out = of_missing(failure->stage, memory);
		return true;
	}
	if (!failure->answered)
		return false;
	*verdict_out =
		verdict_of(rules,
			   &(struct verdict_said){ .stage = stage_of(failure->stage),
						   .code = failure->said.code,
						   .status = failure->said.status,
						   .text = failure->said.text },
			   known);
	return true;
}

struct verdict refusal_of_ourselves(void)
{
	return (struct verdict){
		.scope = VERDICT_LOGIN,
		.action = VERDICT_STOP,
		.rule = "no-secret",
		.what = "the login's password or token cannot be had",
		.mend = "\"lontar check\" tells what is wrong with it."
	};
}

/* "*.isp.example" covers one label (RFC 6125 6.4.3). */
static bool covers(const char *certificate, const char *host)
{
	const char *dot = strchr(host, '.');

	if (certificate[0] == '*' && certificate[1] == '.')
		return dot && strcasecmp(certificate + 1, dot) == 0;
	return strcasecmp(certificate, host) == 0;
}

enum peer_tls refusal_level(bool has_tls, const char *certificate, const char *host)
{
	if (!has_tls)
		return PEER_TLS_NONE;
	return covers(certificate, host) ? PEER_TLS_NAMED : PEER_TLS_ENCRYPTED;
}

bool refusal_of_level(enum peer_tls level, enum smarthost_tlslevel demanded,
		      const struct peer_memory *memory, struct verdict *verdict_out)
{
	static const enum peer_tls least[] = { [SMARTHOST_LEVEL_SEEN] = PEER_TLS_NONE,
					       [SMARTHOST_LEVEL_ANY] = PEER_TLS_NONE,
					       [SMARTHOST_LEVEL_ENCRYPTED] =
						       PEER_TLS_ENCRYPTED,
					       [SMARTHOST_LEVEL_NAMED] = PEER_TLS_NAMED };

	if (demanded == SMARTHOST_LEVEL_SEEN && level < memory->tls)
		*verdict_out =
			network("less-protected",
				level == PEER_TLS_NONE
					? "no TLS where there was TLS"
					: "another machine answers for the server");
	else if (level < least[demanded])
		*verdict_out = of_missing(DIAL_AT_TLS, &(struct peer_memory){ 0 });
	else
		return false;
	return true;
}
