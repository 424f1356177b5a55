/* lontar user: the accounts in control/accounts. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "control/accounts.h"
#include "programs/lontar/command.h"
#include "programs/lontar/password.h"
#include "programs/lontar/tree.h"

static const char usage[] =
	"usage: lontar user add|passwd NAME[:PASSWORD]; lontar user del NAME; "
	"lontar user list\n"
	"Adds an account with its mailbox, sets its password, removes it (its mail\n"
	"stays in mail/NAME), or lists all. A password that is not given is read\n"
	"from stdin.\n";

/* NAME[:PASSWORD]; *password_out is to be freed with password_free. */
static bool take_login(const char *word, char name_out[ACCOUNT_NAME_MAX],
		       char **password_out, struct err *err)
{
	const char *colon = strchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : strlen(word);

	*password_out = NULL;
	if (len >= ACCOUNT_NAME_MAX)
		return err_exit(err, EX_USAGE,
				"\"%.80s\" is no user name; use at most %d letters", word,
				ACCOUNT_NAME_MAX - 1);
	memcpy(name_out, word, len);
	name_out[len] = '\0';
	*password_out = colon ? must_copy(colon + 1) : password_ask(name_out, err);
	return *password_out != NULL;
}

static bool add(struct command_context *context, const char *word, struct err *err)
{
	char name[ACCOUNT_NAME_MAX], *password;
	bool done = take_login(word, name, &password, err) &&
		    account_add(context->control_fd, name, password, err) &&
		    tree_make_mailbox(context->root_fd, name, err);

	password_free(password);
	return done;
}

static bool set_password(struct command_context *context, const char *word,
			 struct err *err)
{
	char name[ACCOUNT_NAME_MAX], *password;
	bool done = take_login(word, name, &password, err) &&
		    account_set_password(context->control_fd, name, password, err);

	password_free(password);
	return done;
}

static bool del(struct command_context *context, const char *word, struct err *err)
{
	return account_remove(context->control_fd, word, err);
}

static bool list(struct command_context *context, const char *word, struct err *err)
{
	struct settings_list names;

	(void)word;
	if (!account_names(context->control_fd, &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		puts(names.lines[i]);
	settings_list_clear(&names);
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct command_context *context, const char *word, struct err *err);
	int words;
} verbs[] = {
	{ "add", add, 2 },
	{ "passwd", set_password, 2 },
	{ "del", del, 2 },
	{ "list", list, 1 },
};

bool command_user(struct command_context *context, struct err *err)
{
	struct args *args = &context->args;

	if (!args_parse(args, NULL, usage, err) || !args_count(args, 1, 2, usage, err))
		return false;
	for (size_t i = 0; i < LENGTH(verbs); i++)
		if (strcmp(args->argv[1], verbs[i].name) == 0)
			return args_count(args, verbs[i].words, verbs[i].words, usage,
					  err) &&
			       verbs[i].run(context, args->argv[2], err);
	return err_exit(err, EX_USAGE, "no such verb: %.40s; %.*s", args->argv[1],
			(int)strcspn(usage, "\n"), usage);
}
