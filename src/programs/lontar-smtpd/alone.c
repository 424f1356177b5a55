#include "programs/lontar-smtpd/alone.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/number.h"
#include "base/sandbox.h"
#include "control/settings.h"
#include "ipc/channel.h"
#include "programs/lontar-smtpd/session.h"

struct alone {
	struct worker worker; /* first: its call-backs find the rest */
	ev_signal term;
	int exit_code;
};

/* Nothing is left to watch but the connection, which goes when all is said. */
static void on_session_end(struct worker *worker)
{
	struct alone *alone = (struct alone *)worker;

	ev_signal_stop(worker->loop, &alone->term);
	peer_close(worker->auth);
	peer_close(worker->deliver);
	worker->auth = worker->deliver = NULL;
}

static void on_lost(struct worker *worker, const char *who)
{
	log_warning("%s", who);
	((struct alone *)worker)->exit_code = EX_TEMPFAIL;
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct alone *alone = watcher->data;

	(void)loop;
	(void)events;
	worker_stop(&alone->worker);
}

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

static void find_ip(char ip_out[LISTENER_ADDRESS_MAX])
{
	const char *told = getenv("TCPREMOTEIP");
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(address);
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)&address;
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)&address;
	const char *known = NULL;

	if (!told)
		told = getenv("TCP6REMOTEIP");
	if (told && told[0]) {
		known = told;
	} else if (getpeername(STDIN_FILENO, (struct sockaddr *)&address, &len) == 0) {
		char text[INET6_ADDRSTRLEN];

		if (address.ss_family == AF_INET)
			known = inet_ntop(AF_INET, &ipv4->sin_addr, text, sizeof(text));
		else if (address.ss_family == AF_INET6)
			known = inet_ntop(AF_INET6, &ipv6->sin6_addr, text, sizeof(text));
	}
	if (known && strncmp(known, "::ffff:", 7) == 0 && strchr(known, '.'))
		known += 7;
	snprintf(ip_out, LISTENER_ADDRESS_MAX, "%s", known ? known : "unknown");
}

/* Without a certificate that can be read there is no TLS, and so no login. */
static struct tls_server *find_tls(void)
{
	AUTO_FD certificate = open("control/tls/cert.pem", O_RDONLY | O_CLOEXEC);
	AUTO_FD key = open("control/tls/key.pem", O_RDONLY | O_CLOEXEC);
	struct tls_server *tls;
	struct err err;

	if (certificate < 0 || key < 0)
		return NULL;
	tls = tls_server_new(certificate, key, &err);
	if (!tls)
		log_failure(&err);
	return tls;
}

static bool begin(struct alone *alone, bool with_auth, struct err *err)
{
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
	int deliver_fd, auth_fd = -1;
	struct err ignored;

	if (root_fd < 0)
		return false;
	if (!loop)
		return err_temporary(err, "", "no event loop");
	deliver_fd = channel_connect(root_fd, "deliver", err);
	if (deliver_fd < 0)
		return false;
	if (with_auth)
		auth_fd = channel_connect(root_fd, "auth", &ignored);
	worker_begin(&alone->worker, loop, auth_fd, deliver_fd);
	alone->worker.on_session_end = on_session_end;
	alone->worker.on_lost = on_lost;
	ev_signal_init(&alone->term, on_term, SIGTERM);
	alone->term.data = alone;
	ev_signal_start(loop, &alone->term);
	return true;
}

static bool serve(struct alone *alone, const char *ip, const char *login, struct err *err)
{
	struct worker *worker = &alone->worker;
	struct settings settings = { 0 };
	struct auth_permit permit = { 0 };
	struct session *session;

	if (!worker->auth && !permit_from_settings(&settings, &permit, err))
		return false;
	if (!sandbox_enter(err))
		return false;
	session = session_open(worker, STDIN_FILENO, STDOUT_FILENO, "smtp", ip);
	if (login) {
		free(session->login);
		session->login = must_copy(login);
		permit.may_relay = true;
	} else if (!worker->auth) {
		amend(&permit);
	}
	if (!worker->auth)
		session_on_permit(session, &permit);
	settings_clear(&settings);
	ev_run(worker->loop, 0);
	worker_clear(worker);
	return true;
}

/* The client hears something in any case. */
static bool turn_away(void)
{
	static const char reply[] = "421 4.3.0 the gateway cannot take mail now, "
				    "try again later\r\n";
	struct err ignored;

	if (!file_write(STDOUT_FILENO, reply, sizeof(reply) - 1, &ignored))
		return false; /* he is gone: so be it */
	return false;
}

bool alone_serve_client(int *exit_code_out, struct err *err)
{
	static struct alone alone;
	char ip[LISTENER_ADDRESS_MAX];

	find_ip(ip);
	if (!begin(&alone, true, err))
		return turn_away();
	alone.worker.amend = amend;
	if (alone.worker.auth)
		alone.worker.tls = find_tls();
	if (!serve(&alone, ip, NULL, err))
		return turn_away();
	*exit_code_out = alone.exit_code;
	return true;
}

bool alone_serve_user(int *exit_code_out, struct err *err)
{
	static struct alone alone;
	const struct passwd *user = getpwuid(getuid());
	char number[32];

	snprintf(number, sizeof(number), "uid:%lu", (unsigned long)getuid());
	if (!begin(&alone, false, err) ||
	    !serve(&alone, "", user ? user->pw_name : number, err))
		return turn_away();
	*exit_code_out = alone.exit_code;
	return true;
}
