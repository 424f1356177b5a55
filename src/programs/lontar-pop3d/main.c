/*
 * lontar-pop3d: POP3 sessions. Under `lontar run` (--service) all of them, for the
 * listeners pop3 and pop3s; else one, on stdin and stdout, under tcpserver or inetd.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/args.h"
#include "base/log.h"
#include "programs/lontar-pop3d/alone.h"
#include "programs/lontar-pop3d/doors.h"

static const char usage[] =
	"usage: lontar-pop3d [--service] [--root DIR]\n"
	"POP3 sessions: all of the gateway's with --service (started by `lontar run`),\n"
	"else one on stdin and stdout for the client at $TCPREMOTEIP (tcpserver, inetd).\n"
	"  --root DIR  the gateway's folder, else $LONTAR_ROOT, else /var/lib/lontar\n";

static bool go_to_root(const char *root, struct err *err)
{
	if (!root)
		root = getenv("LONTAR_ROOT");
	if (!root || !root[0])
		root = "/var/lib/lontar";
	return chdir(root) == 0 ? true : err_errno(err, "chdir to %s", root);
}

int main(int argc, char **argv)
{
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
		fine = doors_serve(&exit_code, &err);
	else if (fine)
		fine = go_to_root(root, &err) && alone_serve(&exit_code, &err);
	if (!fine) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	return exit_code;
}
