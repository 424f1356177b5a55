/*
 * lontar-pickup NAME: fetches the mail of one mailbox at a provider, then leaves.
 * lontar-link has the master start it when a link comes up, or somebody asks; without a
 * gateway `lontar pickup` starts it itself, with --alone.
 */
#include "base/args.h"
#include "base/log.h"
#include "programs/lontar-pickup/work.h"

static const char usage[] =
	"usage: lontar-pickup [--alone|--probe] NAME\n"
	"Fetches the mail that control/pickups/NAME is about; its current folder is the\n"
	"gateway's root. Started by `lontar run`, or, with --alone, by `lontar pickup`;\n"
	"--probe only looks for probe mails, and fetches nothing.\n";

int main(int argc, char **argv)
{
	struct work_wish wish = { .name = NULL };
	struct args args = { argc, argv };
	struct args_option options[] = {
		{ .name = "alone", .flag_out = &wish.is_alone },
		{ .name = "probe", .flag_out = &wish.proves },
		{ .name = NULL },
	};
	struct err err = { 0 };

	log_open("lontar-pickup");
	if (!args_parse(&args, options, usage, &err) ||
	    !args_count(&args, 1, 1, usage, &err)) {
		log_failure(&err);
		return err_exit_code(&err);
	}
	wish.name = args.argv[1];
	return work_run(&wish);
}
