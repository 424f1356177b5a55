/* lontar explain: where mail to an address would go, step by step, and why. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "control/rewrites.h"
#include "deliver/route.h"
#include "link/allowance.h"
#include "link/fallback.h"
#include "mail/priority.h"
#include "programs/lontar/command.h"
#include "report/stop_text.h"

static const char usage[] = "usage: lontar explain ADDRESS [--from ADDRESS]\n"
			    "Says where mail to ADDRESS would go, and why.\n";

static void print_step(void *ctx, const char *text)
{
	unsigned *number = ctx;

	printf("%u. %s\n", ++*number, text);
}

static bool take_address(const char *text, char address_out[ADDRESS_MAX], struct err *err)
{
	struct span rest = span_of(text);

	if (!text[0]) {
		address_out[0] = '\0';
		return true;
	}
	if (address_take_path(&rest, address_out, err) && !span_trim(rest).len)
		return true;
	return err_exit(err, EX_USAGE, "%s is no mail address", text);
}

/* Over which link, and when. */
static void print_link(int root_fd, int control_fd, const char *smarthost)
{
	char bytes[NUMBER_TEXT_MAX];
	struct link_choice choice;

	if (link_choose(root_fd, control_fd, LINK_FOR_SMARTHOST, smarthost,
			clock_wall_s(), &choice))
		printf("   it is pushed at once, over the link %s\n", choice.link.name);
	else
		printf("   it waits in spool/parked/%s until %s%s\n", smarthost,
		       choice.up ? "it may be sent: " : "a link is up",
		       choice.up ? choice.allowance.why : "");
	if (choice.up && choice.allowance.maxsize != UINT64_MAX)
		printf("   the link %s takes messages up to %s\n", choice.link.name,
		       number_format_bytes(choice.allowance.maxsize, bytes));
	if (choice.up && choice.allowance.lowest != PRIORITY_NORMAL)
		printf("   the link %s takes %s mail%s\n", choice.link.name,
		       priority_words[choice.allowance.lowest],
		       choice.allowance.lowest < PRIORITY_URGENT ? " and above" : "");
}

/* As whom the sender leaves. */
static void print_rewrite(int control_fd, const char *smarthost, const char *sender)
{
	char instead[ADDRESS_MAX];
	struct rewrites rewrites;
	struct err err;

	if (!rewrites_load(control_fd, &rewrites, &err)) {
		printf("   it stays until that is mended: %s\n", err.text);
		return;
	}
	if (rewrites_leaving(&rewrites, smarthost, sender, instead))
		printf("   %s leaves as %s (control/rewrites)\n", sender, instead);
	rewrites_clear(&rewrites);
}

/* What happens to it next, for each place that it would go to. */
static void print_outlook(const struct command_context *context,
			  const struct settings *settings, const char *sender,
			  const struct destination *destination)
{
	char second[SMARTHOST_NAME_MAX];
	int root_fd = context->root_fd, control_fd = context->control_fd;
	char why[STOP_TEXT_MAX];
	struct stop stop;
	bool is_stopped;

	if (destination->kind == DELIVERY_MAILBOX)
		return;
	if (strcmp(destination->name, "local") == 0) {
		printf("   lontar-dispatch runs it at once, link or no link\n");
		return;
	}
	print_rewrite(control_fd, destination->name, sender);
	is_stopped = smarthost_is_stopped(root_fd, control_fd, destination->name, &stop);
	if (is_stopped) {
		stop_explain(&stop, clock_wall_s(), why);
		printf("   smarthost %s is stopped: %s\n", destination->name, why);
	}
	if (fallback_stands_in(root_fd, control_fd, settings, destination->name, second))
		printf("   its mail goes over smarthost %s\n", second);
	else if (!is_stopped)
		print_link(root_fd, control_fd, destination->name);
}

bool command_explain(struct command_context *context, struct err *err)
{
	char sender[ADDRESS_MAX], recipient[ADDRESS_MAX];
	const char *from = "";
	const struct args_option options[] = { { .name = "from", .value_out = &from },
					       { 0 } };
	unsigned number = 0;
	struct route_request request = { .sender = sender,
					 .recipient = recipient,
					 .may_relay = true,
					 .step = print_step,
					 .ctx = &number };
	struct destinations found = { 0 };
	struct router router;
	bool done;

	if (!args_parse(&context->args, options, usage, err) ||
	    !args_count(&context->args, 1, 1, usage, err) ||
	    !take_address(context->args.argv[1], recipient, err) ||
	    !take_address(from, sender, err) ||
	    !router_open(&router, context->control_fd, err))
		return false;
	router.root_fd = context->root_fd;
	done = route_recipient(&router, &request, &found, err);
	for (size_t i = 0; done && i < found.count; i++)
		print_outlook(context, &router.settings, sender, &found.items[i]);
	if (!done) {
		printf("%u. refused: %s %s\n", ++number,
		       err->kind == ERR_PERMANENT ? "550" : "451", err->text);
		err->exit_code = err->kind == ERR_PERMANENT ? EX_NOINPUT : EX_CONFIG;
	}
	destinations_clear(&found);
	router_clear(&router);
	return done;
}
