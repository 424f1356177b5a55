#include "programs/lontar-smtpd/single.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "control/settings.h"
#include "programs/lontar-smtpd/session.h"
#include "session/alone.h"

/* Under tcpserver its rules have decided: the environment counts, not tcp.smtp. */
static void amend(struct auth_permit *permit)
{
	const char *relay = getenv("RELAYCLIENT");
	const char *databytes = getenv("DATABYTES");

	permit->may_relay = relay != NULL;
	permit->relay_suffix = span_of(relay ? relay : "");
	if (databytes &&
	    !number_parse(span_of(databytes), UINT64_MAX / 4, &permit->databytes))
		log_warning("DATABYTES=%s: not a number, ignored", databytes);
}

/* What lontar-auth would say, where it does not run. */
static bool permit_from_settings(struct settings *settings, struct auth_permit *permit,
				 struct err *err)
{
	AUTO_FD control_fd = file_open_dir(AT_FDCWD, "control", err);

	if (control_fd < 0 || !settings_load(control_fd, settings, err))
		return false;
	*permit = (struct auth_permit){ .verdict = AUTH_YES,
					.databytes = settings->databytes,
					.timeout_s = settings->timeoutsmtpd_s,
					.me = span_of(settings->me),
					.greeting = span_of(settings->smtpgreeting) };
	return true;
}

/* login: of the user who runs us; NULL for a client of tcpserver. */
static bool serve(struct smtpd *smtpd, const char *service, const char *ip,
		  const char *login, int *exit_code_out, struct err *err)
{
	static struct alone alone;
	struct settings settings = { 0 };
	struct auth_permit permit = { 0 };
	struct session *session;

	if (!alone_begin(&alone, &smtpd->worker,
			 login ? WORKER_AUTH_UNASKED : WORKER_AUTH_IF_THERE, err))
		return false;
	if (!smtpd->worker.auth && !permit_from_settings(&settings, &permit, err))
		return false;
	session = (struct session *)alone_let_in(&alone, service, ip, err);
	if (!session)
		return false;
	if (login) {
		free(session->login);
		session->login = must_copy(login);
		permit.may_relay = true;
	}
	if (!smtpd->worker.auth)
		session_on_permit(&session->client, &permit);
	settings_clear(&settings);
	*exit_code_out = alone_run(&alone);
	return true;
}

/* The client hears something in any case. */
static bool turn_away(void)
{
	alone_turn_away(
		"421 4.3.0 the gateway cannot take mail now, try again later\r\n");
	return false;
}

bool single_serve_client(const char *service, int *exit_code_out, struct err *err)
{
	static struct smtpd smtpd = { .worker.protocol = &smtpd_protocol,
				      .amend = amend };
	char ip[LISTENER_ADDRESS_MAX];

	alone_find_ip(ip);
	if (strcmp(service, "qmqp") == 0 && !getenv("RELAYCLIENT"))
		return err_exit(err, EX_NOPERM,
				"%s may not relay here: RELAYCLIENT is not set", ip);
	return serve(&smtpd, service, ip, NULL, exit_code_out, err) ||
	       (strcmp(service, "smtp") == 0 && turn_away());
}

bool single_serve_user(int *exit_code_out, struct err *err)
{
	static struct smtpd smtpd = { .worker.protocol = &smtpd_protocol };
	const struct passwd *user = getpwuid(getuid());
	char number[32];

	snprintf(number, sizeof(number), "uid:%lu", (unsigned long)getuid());
	return serve(&smtpd, "smtp", "", user ? user->pw_name : number, exit_code_out,
		     err) ||
	       turn_away();
}
