/*
 * lontar init: a root that is ready to run. control/me is written last and durably: a
 * root without it was not finished, and init may be run on it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"
#include "control/relay.h"
#include "control/root.h"
#include "control/smarthost.h"
#include "mail/address.h"
#include "programs/lontar/command.h"
#include "programs/lontar/init.h"
#include "programs/lontar/init_hostname.h"
#include "programs/lontar/password.h"
#include "programs/lontar/tree.h"

#define SYSTEM_CONTROL "/etc/lontar" /* the control folder of the default root */

static const char usage[] =
	"usage: lontar init --me HOST | --from-hostname [--user NAME[:PASSWORD]]... "
	"[--smarthost NAME=HOST[:PORT]]...\n"
	"Makes a gateway's root, ready for `lontar run`.\n"
	"\n"
	"  --me HOST                    the gateway's full host name\n"
	"  --from-hostname              the machine's own; mail for every name that its\n"
	"                               addresses have is local, too\n"
	"  --user NAME[:PASSWORD]       an account; a password that is not given is\n"
	"                               read from stdin, a line each\n"
	"  --smarthost NAME=HOST[:PORT] where mail for outside goes; the first one\n"
	"                               gets all that no other route takes\n";

static bool take_user(void *ctx, const char *value, struct err *err)
{
	struct init *init = ctx;
	const char *colon = strchr(value, ':');
	struct init_user user = { .name = must_copy(value) };

	if (colon) {
		user.name[colon - value] = '\0';
		user.password = must_copy(colon + 1);
	}
	init->users =
		must_resize(init->users, init->user_count + 1, sizeof(*init->users));
	init->users[init->user_count++] = user;
	for (size_t i = 0; i + 1 < init->user_count; i++)
		if (strcmp(init->users[i].name, user.name) == 0)
			return err_exit(err, EX_USAGE, "--user %s is given twice",
					user.name);
	if (account_name_is_valid(user.name))
		return true;
	return err_exit(err, EX_USAGE,
			"--user \"%.64s\": a name is of a-z, 0-9 and . _ + - behind the "
			"first",
			user.name);
}

static bool take_smarthost(void *ctx, const char *value, struct err *err)
{
	struct init *init = ctx;
	const char *equal = strchr(value, '=');
	struct init_smarthost smarthost = { .name = must_copy(value) };
	struct relay relay = { 0 };

	if (equal)
		smarthost.name[equal - value] = '\0';
	init->smarthosts = must_resize(init->smarthosts, init->smarthost_count + 1,
				       sizeof(*init->smarthosts));
	init->smarthosts[init->smarthost_count++] = smarthost;
	if (!equal || !smarthost_name_is_valid(smarthost.name))
		return err_exit(
			err, EX_USAGE,
			"--smarthost \"%.80s\": write NAME=HOST[:PORT], the name of "
			"a-z, 0-9, \".\" and \"-\", and not \"local\"",
			value);
	for (size_t i = 0; i + 1 < init->smarthost_count; i++)
		if (strcmp(init->smarthosts[i].name, smarthost.name) == 0)
			return err_exit(err, EX_USAGE, "--smarthost %s is given twice",
					smarthost.name);
	if (!relay_parse(equal + 1, &relay, err)) {
		err->exit_code = EX_USAGE;
		return err_context(err, "--smarthost %s", smarthost.name);
	}
	init->smarthosts[init->smarthost_count - 1].host = must_copy(relay.host);
	init->smarthosts[init->smarthost_count - 1].port = relay.port;
	return true;
}

static void clear(struct init *init)
{
	for (size_t i = 0; i < init->user_count; i++) {
		free(init->users[i].name);
		password_free(init->users[i].password);
	}
	for (size_t i = 0; i < init->smarthost_count; i++) {
		free(init->smarthosts[i].name);
		free(init->smarthosts[i].host);
	}
	free(init->users);
	free(init->smarthosts);
	init_close(init);
}

void init_close(struct init *init)
{
	file_close(&init->control_fd);
	file_close(&init->root_fd);
}

/* The default root's control is /etc/lontar, as people expect it. */
static bool link_control(const struct init *init, const char *root, struct err *err)
{
	if (strcmp(root, ROOT_DEFAULT) != 0 ||
	    faccessat(init->root_fd, "control", F_OK, AT_EACCESS) == 0)
		return true;
	if (!tree_make_path(SYSTEM_CONTROL, err))
		return false;
	if (symlinkat(SYSTEM_CONTROL, init->root_fd, "control") == 0 || errno == EEXIST)
		return true;
	return err_errno(err, "link control to " SYSTEM_CONTROL);
}

static bool open_root(struct init *init, const char *root, struct err *err)
{
	if (!tree_make_path(root, err))
		return false;
	init->root_fd = root_open(root, err);
	if (init->root_fd < 0)
		return false;
	if (faccessat(init->root_fd, "control/me", F_OK, AT_EACCESS) == 0)
		return err_exit(err, ERR_EXISTS,
				"%s is a gateway already; edit the files in its control "
				"folder, or take another --root",
				root);
	if (!link_control(init, root, err) || !tree_make(init->root_fd, err))
		return false;
	init->control_fd = root_control(init->root_fd, err);
	return init->control_fd >= 0;
}

static bool ask_passwords(struct init *init, struct err *err)
{
	for (size_t i = 0; i < init->user_count; i++) {
		if (!init->users[i].password)
			init->users[i].password = password_ask(init->users[i].name, err);
		if (!init->users[i].password)
			return false;
	}
	return true;
}

/* Where it fails, what was made stays, and init may be tried again. */
bool init_root(struct init *init, const char *root, struct err *err)
{
	umask(022);
	return open_root(init, root, err) && ask_passwords(init, err) &&
	       init_write(init, err);
}

static bool me_is_host(const char *me, struct err *err)
{
	if (!me || !me[0])
		return err_exit(err, EX_USAGE, "--me is missing; %.*s",
				(int)strcspn(usage, "\n"), usage);
	if (me[0] == '[' || !address_domain_is_valid(span_of(me)))
		return err_exit(err, EX_USAGE, "--me \"%.80s\" is no host name", me);
	return true;
}

static bool ask_hostname(struct init *init, struct init_hostname *hostname,
			 struct err *err)
{
	if (init->me)
		return err_exit(err, EX_USAGE, "--me and --from-hostname: say one");
	if (!init_hostname(hostname, err))
		return false;
	init->me = hostname->me;
	init->hostname = hostname;
	return true;
}

bool command_init(struct command_context *context, struct err *err)
{
	struct init init = { .root_fd = -1, .control_fd = -1 };
	struct init_hostname hostname = { .me = "" };
	bool from_hostname = false;
	const struct args_option options[] = {
		{ .name = "me", .value_out = &init.me },
		{ .name = "from-hostname", .flag_out = &from_hostname },
		{ .name = "user", .each = take_user, .ctx = &init },
		{ .name = "smarthost", .each = take_smarthost, .ctx = &init },
		{ .name = NULL },
	};
	bool made = args_parse(&context->args, options, usage, err) &&
		    args_count(&context->args, 0, 0, usage, err) &&
		    (!from_hostname || ask_hostname(&init, &hostname, err)) &&
		    me_is_host(init.me, err) && init_root(&init, context->root, err);

	if (made)
		printf("%s is ready; start it with: lontar --root %s run\n",
		       context->root, context->root);
	if (made && !init.smarthost_count)
		printf("mail for outside has no route yet: write control/smarthosts/NAME "
		       "and a line \":NAME\" into control/smtproutes\n");
	settings_list_clear(&hostname.names);
	clear(&init);
	return made;
}
