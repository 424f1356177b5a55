#include "session/alone.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"

void alone_find_ip(char ip_out[LISTENER_ADDRESS_MAX])
{
	const char *told = getenv("TCPREMOTEIP");
	char known[LISTENER_ADDRESS_MAX];

	if (!told)
		told = getenv("TCP6REMOTEIP");
	if (!told || !told[0])
		told = listener_remote(STDIN_FILENO, known);
	if (strncmp(told, "::ffff:", 7) == 0 && strchr(told, '.'))
		told += 7;
	snprintf(ip_out, LISTENER_ADDRESS_MAX, "%s",
		 strcmp(told, "?") == 0 ? "unknown" : told);
}

/* Nothing is left to watch but the connection, which goes when all is said. */
static void on_leave(void *keeper)
{
	struct alone *alone = keeper;

	ev_signal_stop(alone->worker->loop, &alone->term);
	worker_hang_up(alone->worker);
}

static void on_lost(void *keeper, const char *who)
{
	log_warning("%s", who);
	((struct alone *)keeper)->exit_code = EX_TEMPFAIL;
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct alone *alone = watcher->data;

	(void)loop;
	(void)events;
	worker_stop(alone->worker);
}

/* Without a certificate that can be read there is no TLS, and so hardly a login. */
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

bool alone_begin(struct alone *alone, struct worker *worker, enum worker_auth auth,
		 struct err *err)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);

	if (!loop)
		return err_temporary(err, "", "no event loop");
	*alone = (struct alone){ .worker = worker };
	worker->keeper = alone;
	worker->on_leave = on_leave;
	worker->on_lost = on_lost;
	if (!worker_begin(worker, loop, auth, err))
		return false;
	if (worker->auth)
		worker->tls = find_tls();
	ev_signal_init(&alone->term, on_term, SIGTERM);
	alone->term.data = alone;
	ev_signal_start(loop, &alone->term);
	return true;
}

struct client *alone_let_in(struct alone *alone, const char *service, const char *ip,
			    struct err *err)
{
	if (!sandbox_enter(err))
		return NULL;
	return worker_let_in(alone->worker, STDIN_FILENO, STDOUT_FILENO, service, ip);
}

int alone_run(struct alone *alone)
{
	ev_run(alone->worker->loop, 0);
	worker_clear(alone->worker);
	return alone->exit_code;
}

void alone_turn_away(const char *reply)
{
	struct err ignored;

	if (!file_write(STDOUT_FILENO, reply, strlen(reply), &ignored))
		return; /* he is gone: so be it */
}
