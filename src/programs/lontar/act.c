/* lontar hold, release, first, drop: what a person wants with parked mail, and with
 * large messages that lie at a provider. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "control/routes.h"
#include "deliver/operator.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "link/large.h"
#include "programs/lontar/command.h"

#define ANSWER_WAIT_MS 30000
#define DROP_UNREAD    "drop-unread"

struct match {
	char smarthost[SMARTHOST_NAME_MAX]; /* "": it lies at a provider */
	char id[MAILDIR_UNIQUE_MAX];
	const char *beginning;
	unsigned count;
};

static bool is_whole(const struct match *match)
{
	return strcmp(match->id, match->beginning) == 0;
}

/* Every message whose id begins so; a whole id is one match whatever else begins so. */
static void match_one(struct match *match, const char *smarthost, const char *id)
{
	bool whole = strcmp(id, match->beginning) == 0;

	if (strncmp(id, match->beginning, strlen(match->beginning)) != 0 ||
	    (match->count && is_whole(match)))
		return;
	/* One that was renamed while we listed is seen twice. */
	if (!whole && match->count && strcmp(id, match->id) == 0)
		return;
	if (whole || match->count == 0) {
		snprintf(match->smarthost, sizeof(match->smarthost), "%s", smarthost);
		snprintf(match->id, sizeof(match->id), "%s", id);
	}
	match->count = whole ? 1 : match->count + 1;
}

static bool match_in(int root_fd, const char *smarthost, struct match *match,
		     struct err *err)
{
	struct parked *parked = parked_open(root_fd, smarthost, false, err);
	struct parked_list list = { 0 };
	bool read = parked && parked_list(parked, &list, err);

	for (size_t i = 0; read && i < list.count; i++)
		match_one(match, smarthost, list.names[i].id);
	parked_list_clear(&list);
	parked_close(parked);
	return read;
}

static void match_large(void *ctx, const struct large *large)
{
	match_one(ctx, "", large->id);
}

static bool find(int root_fd, const char *beginning, struct match *match, struct err *err)
{
	struct parked_smarthosts all;
	bool done = true;

	*match = (struct match){ .beginning = beginning };
	/* Everything begins with nothing: an empty variable in somebody's script. */
	if (!beginning[0])
		return err_exit(err, EX_USAGE,
				"an id is empty: `lontar queue` lists them");
	if (!large_each(root_fd, NULL, match_large, match, err) ||
	    !parked_smarthosts(root_fd, &all, err))
		return false;
	for (size_t i = 0; done && i < all.count && !is_whole(match); i++)
		done = match_in(root_fd, all.names[i], match, err);
	parked_smarthosts_clear(&all);
	if (!done)
		return false;
	if (match->count == 0)
		return err_exit(err, EX_NOINPUT,
				"no message %s waits: `lontar queue` lists them",
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
	if (match.smarthost[0] && strcmp(verb, DROP_UNREAD) == 0)
		return err_exit(err, EX_USAGE,
				"%s is here, not at a provider: `lontar drop %s`",
				match.id, match.id);
	gateway = channel_connect(context->root_fd, "link", err);
	if (gateway >= 0)
		return ask_gateway(gateway, &match, verb, err);
	if (err->exit_code != EX_UNAVAILABLE)
		return false;
	return match.smarthost[0] ? operator_act(context->root_fd, match.smarthost, verb,
						 match.id, NULL, err)
				  : large_act(context->root_fd, verb, match.id, err);
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
		   "Keeps these parked messages here until `lontar release`; large ones "
		   "that wait\nat a provider stay there.\n",
		   err);
}

bool command_release(struct command_context *context, struct err *err)
{
	return act(
		context, "release",
		"usage: lontar release ID...\n"
		"Lets held messages go, and sends uncertain ones again; what waits for "
		"another\nlink by its size or priority goes over any; has large ones "
		"fetched that wait\nat a provider: now, or when the link is up.\n",
		err);
}

bool command_first(struct command_context *context, struct err *err)
{
	return act(context, "first",
		   "usage: lontar first ID...\n"
		   "Sends these messages before all others, over any link.\n",
		   err);
}

bool command_drop(struct command_context *context, struct err *err)
{
	static const char usage[] =
		"usage: lontar drop [--silent] ID...\n"
		"       lontar drop --unread ID...\n"
		"Takes messages out of the queue and returns them to their senders;\n"
		"--silent: tells nobody (an uncertain one that did arrive). --unread: has "
		"large\nmessages deleted at the provider that nobody here has read.\n";
	bool silent = false, unread = false;
	const struct args_option options[] = { { .name = "silent", .flag_out = &silent },
					       { .name = "unread", .flag_out = &unread },
					       { 0 } };
	const char *verb;

	if (!args_parse(&context->args, options, usage, err))
		return false;
	verb = unread ? DROP_UNREAD : silent ? "drop-silent" : "drop";
	return act_on_all(context, verb, usage, err);
}
