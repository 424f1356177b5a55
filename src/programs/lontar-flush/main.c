/*
 * lontar-flush NAME: pushes what is parked for one smarthost, then leaves. lontar-link
 * has the master start it when there is something to send and a way; without a gateway
 * `lontar flush` starts it itself, with --alone.
 */
#include "base/args.h"
#include "base/log.h"
#include "programs/lontar-flush/probe.h"
#include "send/delay_notice.h"
#include "send/run.h"

static const char usage[] =
	"usage: lontar-flush [--alone|--notices] SMARTHOST\n"
	"       lontar-flush --probe LINK\n"
	"Sends the mail parked for a smarthost; its current folder is the gateway's root.\n"
	"Started by `lontar run`, or, with --alone, by `lontar flush`; with --probe it only\n"
	"looks whether the link leads to the smarthost that its file names.\n";

int main(int argc, char **argv)
{
	struct run_options run = { 0 };
	struct args args = { argc, argv };
	bool probes = false, notices = false;
	struct args_option options[] = {
		{ .name = "alone", .flag_out = &run.is_standalone },
		{ .name = "mx-job", .flag_out = &run.is_mx_job },
		{ .name = "notices", .flag_out = &notices },
		{ .name = "probe", .flag_out = &probes },
		{ .name = NULL },
	};
	struct err err = { 0 };

	log_open("lontar-flush");
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 1, 1, usage, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	if (probes)
		return probe_link(args.argv[1]);
	if (notices)
		return delay_notice_run(args.argv[1]);
	return run_flush(args.argv[1], &run);
}
