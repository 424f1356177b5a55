/*
 * lontar-smtpd: SMTP, QMTP and QMQP sessions. Under `lontar run` (--service) all of them,
 * for the listeners smtp, submission, smtps, qmtp and qmqp; else one, on stdin and
 * stdout.
 */
#include <signal.h>

#include "base/args.h"
#include "base/log.h"
#include "control/root.h"
#include "programs/lontar-smtpd/single.h"
#include "programs/lontar-smtpd/smtpd.h"
#include "session/doors.h"

static const char usage[] =
	"usage: lontar-smtpd [--service | --stdio-local | --qmtp | --qmqp] [--root DIR]\n"
	"SMTP sessions: all of the gateway's with --service (started by `lontar run`),\n"
	"else one on stdin and stdout for the client at $TCPREMOTEIP (tcpserver, inetd).\n"
	"  --stdio-local  that session is for the user who runs it (sendmail -bs)\n"
	"  --qmtp, --qmqp that session speaks QMTP or QMQP\n"
	"  --root DIR     the gateway's folder, else $LONTAR_ROOT, else /var/lib/lontar\n"
	"With RELAYCLIENT in the environment the client may mail anyone, and its value is\n"
	"put behind each recipient; DATABYTES is the largest message, 0 for any.\n";

int main(int argc, char **argv)
{
	static struct smtpd smtpd = { .worker.protocol = &smtpd_protocol };
	bool service = false, local = false, qmtp = false, qmqp = false;
	const char *root = NULL;
	const struct args_option options[] = {
		{ .name = "service", .flag_out = &service },
		{ .name = "stdio-local", .flag_out = &local },
		{ .name = "qmtp", .flag_out = &qmtp },
		{ .name = "qmqp", .flag_out = &qmqp },
		{ .name = "root", .value_out = &root },
		{ .name = NULL },
	};
	struct args args = { argc, argv };
	int exit_code = 0;
	struct err err;
	bool fine;

	log_open("lontar-smtpd");
	signal(SIGPIPE, SIG_IGN);
	fine = args_parse(&args, options, usage, &err) &&
	       args_count(&args, 0, 0, usage, &err);
	if (fine && service)
		fine = doors_serve(&smtpd.worker, &exit_code, &err);
	else if (fine)
		fine = root_enter(root, &err) &&
		       (local ? single_serve_user(&exit_code, &err)
			      : single_serve_client(qmqp   ? "qmqp"
						    : qmtp ? "qmtp"
							   : "smtp",
						    &exit_code, &err));
	if (!fine) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	return exit_code;
}
