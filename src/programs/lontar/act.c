/* lontar hold, release, first, drop: what a person wants with parked mail. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "control/routes.h"
#include "deliver/operator.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "programs/lontar/command.h"

#define ANSWER_WAIT_MS 30000

struct match {
	char smarthost[SMARTHOST_NAME_MAX];
	char id[MAILDIR_UNIQUE_MAX];
	unsigned count;
};

/* Every message whose id begins so; a whole id is one match whatever else begins so. */
static bool match_in(int root_fd, const char *smarthost, const char *beginning,
		     struct match *match, struct err *err)
{
	struct parked *parked = parked_open(root_fd, smarthost, false, err);
	struct parked_list list = { 0 };
	bool read = parked && parked_list(parked, &list, err);
	size_t len = strlen(beginning);

	for (size_t i = 0; read && i < list.count; i++) {
		bool whole = strcmp(list.names[i].id, beginning) == 0;

		if (strncmp(list.names[i].id, beginning, len) != 0)
			continue;
		/* One that was renamed while we listed is seen twice. */
		if (!whole && match->count && strcmp(list.names[i].id, match->id) == 0)
			continue;
		if (whole || match->count == 0) {
			snprintf(match->smarthost, sizeof(match->smarthost), "%s",
				 smarthost);
			snprintf(match->id, sizeof(match->id), "%s", list.names[i].id);
		}
		match->count = whole ? 1 : match->count + 1;
		if (whole)
			break;
	}
	parked_list_clear(&list);
	parked_close(parked);
	return read;
}

static bool find(int root_fd, const char *beginning, struct match *match, struct err *err)
{
	struct parked_smarthosts all;
	bool done = true;

	*match = (struct match){ 0 };
	/* Everything begins with nothing: an empty variable in somebody's script. */
	if (!beginning[0])
		return err_exit(err, EX_USAGE,
				"an id is empty: `lontar queue` lists them");
	if (!parked_smarthosts(root_fd, &all, err))
		return false;
	for (size_t i = 0; done && i < all.count; i++) {
		done = match_in(root_fd, all.names[i], beginning, match, err);
		if (strcmp(match->id, beginning) == 0)
			break;
	}
	parked_smarthosts_clear(&all);
	if (!done)
		return false;
	if (match->count == 0)
		return err_exit(err, EX_NOINPUT,
				"no parked message %s: `lontar queue` lists them",
				beginning);
	if (match->count > 1)
		return err_exit(err, EX_NOINPUT,
				"%s begins the ids of %u messages: give more of it",
				beginning, match->count);
	return true;
}

/* The running gateway holds the locks, or knows who does. */
static bool ask_gateway(int gateway, const struct match *match, const char *verb,
			struct err *err)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	struct link_done done;
	struct packet answer;

	link_act_put(&packet, 1,
		     &(struct link_act){ span_of(match->smarthost), span_of(verb),
					 span_of(match->id) });
	if (!channel_send(gateway, &packet, -1, err))
		return false;
	if (channel_wait(gateway, ANSWER_WAIT_MS, &packet, NULL) != CHANNEL_PACKET ||
	    !packet_open(&answer, buf_span(&packet)) || answer.type != LINK_DONE ||
	    !link_done_get(&answer, &done))
		return err_temporary(err, "", "the gateway gave no answer");
	if (done.exit_code == 0)
		return true;
	return err_exit(err, (int)done.exit_code, "%.*s", SPAN_ARG(done.text));
}

static bool act_on(struct command_context *context, const char *verb,
		   const char *beginning, struct err *err)
{
	struct match match;
	AUTO_FD gateway = -1;

	if (!find(context->root_fd, beginning, &match, err))
		return false;
	gateway = channel_connect(context->root_fd, "link", err);
	if (gateway >= 0)
		return ask_gateway(gateway, &match, verb, err);
	if (err->exit_code != EX_UNAVAILABLE)
		return false;
	return operator_act(context->root_fd, match.smarthost, verb, match.id, err);
}

static bool act_on_all(struct command_context *context, const char *verb,
		       const char *usage, struct err *err)
{
	if (!args_count(&context->args, 1, -1, usage, err))
		return false;
	for (int i = 1; i < context->args.argc; i++)
		if (!act_on(context, verb, context->args.argv[i], err))
			return false;
	return true;
}

static bool act(struct command_context *context, const char *verb, const char *usage,
		struct err *err)
{
	static const struct args_option none[] = { { 0 } };

	return args_parse(&context->args, none, usage, err) &&
	       act_on_all(context, verb, usage, err);
}

bool command_hold(struct command_context *context, struct err *err)
{
	return act(context, "hold",
		   "usage: lontar hold ID...\n"
		   "Keeps these parked messages here until `lontar release`.\n",
		   err);
}

bool command_release(struct command_context *context, struct err *err)
{
	return act(
		context, "release",
		"usage: lontar release ID...\n"
		"Lets held messages go, and sends uncertain ones again: now, or when the "
		"link is up.\n",
		err);
}

bool command_first(struct command_context *context, struct err *err)
{
	return act(context, "first",
		   "usage: lontar first ID...\n"
		   "Sends these messages before all others.\n",
		   err);
}

bool command_drop(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar drop [--silent] ID...\n"
		"Takes messages out of the queue and returns them to their senders;\n"
		"--silent: tells nobody (an uncertain one that did arrive).\n";
	bool silent = false;
	const struct args_option options[] = { { .name = "silent", .flag_out = &silent },
					       { 0 } };

	return args_parse(&context->args, options, usage, err) &&
	       act_on_all(context, silent ? "drop-silent" : "drop", usage, err);
}
