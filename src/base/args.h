/*
 * A command line: one table of options a command, --help and --version everywhere.
 * Long options only, as "--name" or "--name VALUE" or "--name=VALUE"; "--" ends them.
 */
#ifndef BASE_ARGS_H
#define BASE_ARGS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

#define LONTAR_VERSION "0.1"

struct args_option {
	const char *name;       /* without the dashes; NULL ends a table */
	bool *flag_out;         /* an option without a value sets this, or: */
	const char **value_out; /* the last value given (borrowed from argv), or: */
	/* called for each value in turn; false and err refuse it */
	bool (*each)(void *ctx, const char *value, struct err *err);
	void *ctx;
};

struct args {
	int argc; /* what is left after the options, argv[0] being the command's name */
	char **argv;
};

/*
 * Takes the options off args. `usage` is the whole help text, its first line
 * "usage: lontar init --me HOST ...". --help prints it on stdout, --version the version;
 * both exit 0. A wrong option is an err with EX_USAGE that ends in the usage line.
 */
bool args_parse(struct args *args, const struct args_option *options, const char *usage,
		struct err *err) MUST_USE;

/* Where word is --help or --version: prints it, and exits 0. */
void args_answer_common(const char *word, const char *usage);

/* Between `least` and `most` words left (most < 0: any number), else EX_USAGE. */
bool args_count(const struct args *args, int least, int most, const char *usage,
		struct err *err) MUST_USE;

#endif
