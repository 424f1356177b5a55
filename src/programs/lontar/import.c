/* lontar import-qmail, import-queue: moving in from another mail system. Without --yes
 * only told. With it all is looked at first, so that what cannot be done stops it before
 * anything has been. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/relay.h"
#include "control/root.h"
#include "import/import.h"
#include "programs/lontar/command.h"
#include "programs/lontar/init.h"

#define HOSTS_MAX 64

static const char qmail_usage[] =
	"usage: lontar import-qmail DIR [--smarthost NAME=HOST[:PORT]]... [--yes]\n"
	"Carries a qmail home over: control/, users/assign, alias/, tcp.smtp, serialmail's\n"
	"Maildirs and the waiting mail of its queue. Says what it would do; --yes does it,\n"
	"and makes the gateway's root first where there is none. DIR itself is not changed,\n"
	"and a second run does nothing twice.\n"
	"\n"
	"  --smarthost NAME=HOST[:PORT]  where the Maildir of alias-NAME was sent to\n"
	"  --yes                         do it; qmail-send must be stopped\n";

static const char queue_usage[] =
	"usage: lontar import-queue DIR [--yes]\n"
	"Takes the waiting mail of another mailer's queue, for those who have not got it "
	"yet:\n"
	"qmail's queue/, sendmail's mqueue, Postfix's /var/spool/postfix. Says what it would\n"
	"do; --yes does it. DIR itself is not changed, and a second run takes nothing "
	"twice.\n"
	"\n"
	"  --yes  do it; the other mailer must be stopped\n";

struct order {
	struct import import;
	struct import_host hosts[HOSTS_MAX];
	struct relay relays[HOSTS_MAX];
	char *names[HOSTS_MAX];
	size_t count;
	bool yes;
};

static bool take_host(void *ctx, const char *value, struct err *err)
{
	struct order *order = ctx;
	size_t i = order->count;
	char *equal;

	if (i == HOSTS_MAX)
		return err_exit(err, EX_USAGE, "--smarthost: too many");
	order->names[order->count++] = must_copy(value);
	equal = strchr(order->names[i], '=');
	if (!equal)
		return err_exit(err, EX_USAGE,
				"--smarthost \"%.80s\": write NAME=HOST[:PORT]", value);
	*equal = '\0';
	if (!relay_parse(equal + 1, &order->relays[i], err)) {
		err->exit_code = EX_USAGE;
		return err_context(err, "--smarthost %s", order->names[i]);
	}
	order->hosts[i] = (struct import_host){ order->names[i], order->relays[i].host,
						order->relays[i].port };
	return true;
}

static void say(void *ctx, enum import_word word, const char *about, const char *text)
{
	static const char *const words[][2] = {
		[IMPORT_WRITE] = { "will write", "written" },
		[IMPORT_SAME] = { "is so", "is so" },
		[IMPORT_KEEP] = { "stays", "stays" },
		[IMPORT_NONE] = { "left out", "left out" },
		[IMPORT_NOTE] = { "note", "note" },
		[IMPORT_MAIL] = { "will take", "took" },
	};
	const struct order *order = ctx;

	/* With --yes the look before is silent: the same comes again. */
	if (order->import.yes == order->yes)
		printf("%-11s%s: %s\n", words[word][order->yes], about, text);
}

static bool open_old(struct order *order, const char *path, struct err *err)
{
	size_t len = strlen(path);
	static char plain[4096];

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (path[0] != '/' || len >= sizeof(plain))
		return err_exit(err, EX_USAGE,
				"%s: name the folder by its whole path, from / on", path);
	snprintf(plain, sizeof(plain), "%.*s", (int)len, path);
	order->import.path = plain;
	order->import.from_fd = open(plain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (order->import.from_fd >= 0)
		return true;
	err_errno(err, "%s", plain);
	err->exit_code = errno == ENOENT ? EX_NOINPUT : err->exit_code;
	return false;
}

/* The gateway, where there is one. */
static bool open_gateway(struct order *order, const char *root, struct err *err)
{
	struct import *import = &order->import;

	import->root_fd = root_open(root, err);
	if (import->root_fd < 0)
		return err->exit_code == EX_NOINPUT;
	import->control_fd = root_control(import->root_fd, err);
	if (import->control_fd < 0 && err->exit_code != EX_CONFIG)
		return false;
	if (import->control_fd >= 0 &&
	    faccessat(import->control_fd, "me", F_OK, AT_EACCESS) == 0)
		return true;
	file_close(&import->control_fd);
	file_close(&import->root_fd);
	return true;
}

static bool make_gateway(struct order *order, const char *root, struct err *err)
{
	char *me = import_qmail_me(&order->import, err);
	struct init init = { .me = me, .root_fd = -1, .control_fd = -1 };
	bool done = me && init_root(&init, root, err);

	if (done) {
		order->import.root_fd = fcntl(init.root_fd, F_DUPFD_CLOEXEC, 3);
		order->import.control_fd = fcntl(init.control_fd, F_DUPFD_CLOEXEC, 3);
		printf("%-11s%s: a new gateway\n", "written", root);
	}
	init_close(&init);
	free(me);
	return done;
}

static void conclude(const struct order *order)
{
	if (!order->yes)
		printf("Nothing has been changed. With --yes it is done.\n");
	else
		printf("Done; `lontar check` looks at it all. What was taken is still in "
		       "%s: do not start the old mailer on it again.\n",
		       order->import.path);
}

static bool carry_over(struct order *order, const char *root,
		       bool (*run)(struct import *import, struct err *err),
		       struct err *err)
{
	struct import *import = &order->import;

	umask(022);
	import->say = say;
	import->ctx = order;
	import->hosts = order->hosts;
	import->host_count = order->count;
	import->is_asked = order->yes;
	import->is_new = import->root_fd < 0;
	if (!run(import, err))
		return false;
	if (order->yes) {
		if (import->root_fd < 0 && !make_gateway(order, root, err))
			return false;
		import->yes = true;
		import->written = import->left = 0;
		if (!run(import, err))
			return false;
	}
	conclude(order);
	if (!import->left || !order->yes)
		return true;
	return err_exit(
		err, EX_TEMPFAIL,
		"%u messages stay in the old queue (see above); say it again when "
		"that is mended",
		import->left);
}

static void close_all(struct order *order)
{
	for (size_t i = 0; i < order->count; i++)
		free(order->names[i]);
	file_close(&order->import.from_fd);
	file_close(&order->import.root_fd);
	file_close(&order->import.control_fd);
}

bool command_import_qmail(struct command_context *context, struct err *err)
{
	struct order order = { .import = {
				       .from_fd = -1, .root_fd = -1, .control_fd = -1 } };
	const struct args_option options[] = {
		{ .name = "smarthost", .each = take_host, .ctx = &order },
		{ .name = "yes", .flag_out = &order.yes },
		{ .name = NULL },
	};
	bool done = args_parse(&context->args, options, qmail_usage, err) &&
		    args_count(&context->args, 1, 1, qmail_usage, err) &&
		    open_old(&order, context->args.argv[1], err) &&
		    open_gateway(&order, context->root, err) &&
		    carry_over(&order, context->root, import_qmail, err);

	close_all(&order);
	return done;
}

bool command_import_queue(struct command_context *context, struct err *err)
{
	struct order order = { .import = { .from_fd = -1,
					   .root_fd = context->root_fd,
					   .control_fd = context->control_fd } };
	const struct args_option options[] = {
		{ .name = "yes", .flag_out = &order.yes },
		{ .name = NULL },
	};
	bool done = args_parse(&context->args, options, queue_usage, err) &&
		    args_count(&context->args, 1, 1, queue_usage, err) &&
		    open_old(&order, context->args.argv[1], err) &&
		    carry_over(&order, context->root, import_queue, err);

	file_close(&order.import.from_fd);
	return done;
}
