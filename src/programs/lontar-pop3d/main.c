/*
 * lontar-pop3d: POP3 sessions. Under `lontar run` (--service) all of them, for the
 * listeners pop3 and pop3s; else one, on stdin and stdout, under tcpserver or inetd.
 */
#include <signal.h>

#include "base/args.h"
#include "base/log.h"
#include "control/root.h"
#include "programs/lontar-pop3d/session.h"
#include "session/alone.h"
#include "session/doors.h"

static const char usage[] =
	"usage: lontar-pop3d [--service] [--root DIR]\n"
	"POP3 sessions: all of the gateway's with --service (started by `lontar run`),\n"
	"else one on stdin and stdout for the client at $TCPREMOTEIP (tcpserver, inetd).\n"
	"  --root DIR  the gateway's folder, else $LONTAR_ROOT, else /var/lib/lontar\n";

static bool serve_one(int *exit_code_out, struct err *err)
{
	static struct alone alone;
	static struct worker worker = { .protocol = &pop3d_protocol };
	char ip[LISTENER_ADDRESS_MAX];

	alone_find_ip(ip);
	if (alone_begin(&alone, &worker, WORKER_AUTH_NEEDED, err) &&
	    alone_let_in(&alone, "pop3", ip, err)) {
		*exit_code_out = alone_run(&alone);
		return true;
	}
	alone_turn_away("-ERR " SESSION_TEMPORARY "\r\n");
	return false;
}

int main(int argc, char **argv)
{
	static struct worker worker = { .protocol = &pop3d_protocol };
	int exit_code = 0;
	bool service = false;
	const char *root = NULL;
	const struct args_option options[] = {
		{ .name = "service", .flag_out = &service },
		{ .name = "root", .value_out = &root },
		{ .name = NULL },
	};
	struct args args = { argc, argv };
	struct err err;
	bool fine;

	log_open("lontar-pop3d");
	signal(SIGPIPE, SIG_IGN);
	fine = args_parse(&args, options, usage, &err) &&
	       args_count(&args, 0, 0, usage, &err);
	if (fine && service)
		fine = doors_serve(&worker, &exit_code, &err);
	else if (fine)
		fine = root_enter(root, &err) && serve_one(&exit_code, &err);
	if (!fine) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	return exit_code;
}
