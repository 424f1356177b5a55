#include "transfer/remote_account.h"

#include <stdio.h>

struct remote_account remote_account_of_smarthost(const struct smarthost *smarthost,
						  const char *helohost)
{
	return (struct remote_account){
		.kind = "smarthost",
		.name = smarthost->name,
		.protocol = smarthost->type == SMARTHOST_QMTP ? DIAL_QMTP : DIAL_SMTP,
		.host = smarthost->host,
		.port = smarthost->port,
		.tls = smarthost->tls,
		.helo = smarthost->helo ? smarthost->helo : helohost,
		.user = smarthost->user,
		.auth = smarthost->auth,
		.passwordfile = smarthost->passwordfile,
		.tokenfile = smarthost->tokenfile,
		.tokencommand = smarthost->tokencommand,
		.login = smarthost->login,
		.cafile = smarthost->cafile,
	};
}

struct remote_account remote_account_of_pickup(const struct pickup *pickup)
{
	return (struct remote_account){
		.kind = "pickup",
		.name = pickup->name,
		.protocol = pickup->type == PICKUP_IMAP ? DIAL_IMAP : DIAL_POP3,
		.host = pickup->host,
		.port = pickup->port,
		.tls = pickup->tls,
		.user = pickup->user,
		.passwordfile = pickup->passwordfile,
		.tokenfile = pickup->tokenfile,
		.tokencommand = pickup->tokencommand,
		.login = pickup->login,
		.cafile = pickup->cafile,
	};
}

static enum dial_tls dial_tls_of(enum smarthost_tls tls)
{
	static const enum dial_tls all[] = {
		[SMARTHOST_TLS_NONE] = DIAL_PLAIN,
		[SMARTHOST_TLS_TRY] = DIAL_TRY,
		[SMARTHOST_TLS_STARTTLS] = DIAL_STARTTLS,
		[SMARTHOST_TLS_IMPLICIT] = DIAL_IMPLICIT,
	};

	return all[tls];
}

/* A relative name in a settings file is below control/. */
static const char *control_path(const char *path, char out[PATH_MAX])
{
	if (!path || path[0] == '/')
		return path;
	snprintf(out, PATH_MAX, "control/%s", path);
	return out;
}

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

struct dial_request remote_account_request(const struct remote_account *account,
					   const struct link_path *path,
					   const char *secret, char cafile_out[PATH_MAX])
{
	return (struct dial_request){
		.protocol = account->protocol,
		.host = account->host,
		.port = account->port,
		.tls = dial_tls_of(account->tls),
		.helo = account->helo,
		.user = account->user,
		.secret = secret,
		/* As in remote_secret_ask, a password is preferred. */
		.is_token = !account->passwordfile &&
			    (account->tokenfile || account->tokencommand),
		.auth = account->auth,
		.cafile = control_path(account->cafile, cafile_out),
		.name_servers = text_or_null(path->link.dns),
		.bind_to = text_or_null(path->bind_to),
	};
}
