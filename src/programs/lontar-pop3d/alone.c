#include "programs/lontar-pop3d/alone.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "net/listener.h"
#include "programs/lontar-pop3d/session.h"
#include "programs/lontar-pop3d/worker.h"

struct alone {
	struct worker worker; /* first: its call-backs find the rest */
	int exit_code;
};

/* The loop runs until nothing is left to watch: the last reply has gone out. */
static void on_session_end(struct worker *worker)
{
	peer_close(worker->auth);
	worker->auth = NULL;
}

static void on_auth_lost(struct worker *worker)
{
	((struct alone *)worker)->exit_code = EX_TEMPFAIL;
}

/* Without a certificate that can be read there is no TLS, and most clients cannot log
 * in. */
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

static bool begin(struct alone *alone, struct err *err)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);

	if (!loop)
		return err_temporary(err, "", "no event loop");
	if (!worker_begin(&alone->worker, loop, err))
		return false;
	alone->worker.on_session_end = on_session_end;
	alone->worker.on_auth_lost = on_auth_lost;
	alone->worker.tls = find_tls();
	return sandbox_enter(err);
}

/* The client hears something in any case. */
static bool turn_away(void)
{
	static const char reply[] = "-ERR " SESSION_TEMPORARY "\r\n";
	struct err ignored;

	if (!file_write(STDOUT_FILENO, reply, sizeof(reply) - 1, &ignored))
		return false; /* he is gone: so be it */
	return false;
}

bool alone_serve(int *exit_code_out, struct err *err)
{
	static struct alone alone;
	const char *told = getenv("TCPREMOTEIP");
	char ip[LISTENER_ADDRESS_MAX];

	listener_remote(STDIN_FILENO, ip);
	if (!begin(&alone, err))
		return turn_away();
	session_open(&alone.worker, STDIN_FILENO, STDOUT_FILENO, "pop3",
		     told ? told : ip);
	ev_run(alone.worker.loop, 0);
	worker_clear(&alone.worker);
	*exit_code_out = alone.exit_code;
	return true;
}
