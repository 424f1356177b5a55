/* lontar link: hooks tell here that a link went up or down; alone, it shows the links. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "control/smarthost.h"
#include "ipc/channel.h"
#include "ipc/link.h"
#include "link/change.h"
#include "link/identity.h"
#include "link/ledger.h"
#include "net/interface.h"
#include "programs/lontar/link_show.h"
#include "programs/lontar/tell_link.h"

/* A hook holds up the network while it waits for us: within one second we are gone. */
#define ANSWER_WAIT_MS 700
#define IGNORED_MAX    4096

static const char usage[] =
	"usage: lontar link [up|down NAME [KEY=VALUE]...]\n"
	"Tells that the link NAME (ppp0, ...) went up or down; without words, shows the\n"
	"links. News of an interface that a file in control/links names is news of that\n"
	"file's link, whatever NAME is. Keys: interface device local remote dns speed_bps\n"
	"family bytes_sent bytes_received seconds. Returns at once; what is parked is pushed\n"
	"while the link is up.\n";

static bool gather(const struct args *args, struct buf *settings_out, struct err *err)
{
	for (int i = 3; i < args->argc; i++) {
		const char *word = args->argv[i], *equals = strchr(word, '=');

		if (!equals || equals == word || strchr(word, '\n'))
			return err_exit(err, EX_USAGE, "%s is not KEY=VALUE", word);
		/* A hook passes on what it has: an empty variable is none. */
		if (equals[1] && !buf_appendf(settings_out, "%s\n", word))
			return err_exit(err, EX_USAGE, "too many settings");
	}
	return true;
}

/* Settings that made no sense; or, without a "=", what else is to be known. */
static void tell_ignored(struct span ignored)
{
	struct span line;

	while (span_cut(&ignored, '\n', &line)) {
		if (!line.len)
			continue;
		if (memchr(line.at, '=', line.len))
			fprintf(stderr,
				"lontar link: ignored %.*s: no such key, or not a value "
				"for it\n",
				SPAN_ARG(line));
		else
			fprintf(stderr, "lontar link: %.*s\n", SPAN_ARG(line));
	}
}

/* *answered_out is false where it is not known to have been heard: a gateway that is busy
 * or whose service is just being started again finds it in its socket, one that is ending
 * does not. */
static bool tell_gateway(int gateway, const struct link_event *event, bool *answered_out,
			 struct err *err)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	struct link_done done;
	struct packet answer;

	link_event_put(&packet, 1, event);
	*answered_out =
		channel_send(gateway, &packet, -1, err) &&
		channel_wait(gateway, ANSWER_WAIT_MS, &packet, NULL) == CHANNEL_PACKET;
	if (!*answered_out)
		return true;
	if (!packet_open(&answer, buf_span(&packet)) || answer.type != LINK_DONE ||
	    !link_done_get(&answer, &done))
		return err_temporary(err, "", "the gateway's answer makes no sense");
	if (done.exit_code != 0)
		return err_exit(err, (int)done.exit_code, "%.*s", SPAN_ARG(done.text));
	tell_ignored(done.text);
	return true;
}

/* As lontar-link does. A wrong file, which `lontar check` tells of, is no reason to lose
 * the event. */
static bool count_use(const struct command_context *context,
		      const struct link_note *before, const struct link_note *note,
		      const struct link_call *call, struct err *err)
{
	int64_t now = clock_wall_s();
	struct ledger ledger;
	struct linkfile file;

	if (!linkfile_load(context->control_fd, note->name, &file, NULL, err))
		return true;
	ledger_open(&ledger, context->root_fd, note->name);
	ledger_count(&ledger, &file, before, now);
	ledger_count(&ledger, &file, note, now);
	if (!note->up)
		ledger_correct(&ledger, &file, now, call);
	linkfile_clear(&file);
	return ledger_write(&ledger, err);
}

/* Of all links that are known, the one that is meant. The interface that it is at is put
 * into interface_out where the word did not say it. */
static void identify(const struct link_entries *entries, const char *word, bool up,
		     struct span settings, char name_out[SMARTHOST_NAME_MAX],
		     char interface_out[LINKFILE_INTERFACE_MAX])
{
	char device[LINKFILE_INTERFACE_MAX];
	const struct link_entry *entry;

	link_setting_copy(settings, "interface", interface_out);
	link_setting_copy(settings, "device", device);
	entry = link_identify(entries,
			      &(struct link_word){ word, interface_out, device, up });
	snprintf(name_out, SMARTHOST_NAME_MAX, "%s", entry ? entry->note.name : word);
	if (entry && !interface_out[0])
		snprintf(interface_out, LINKFILE_INTERFACE_MAX, "%s",
			 link_entry_interface(entry));
}

/* One link's part of the event. counts: no supervisor runs that would count the use. */
static bool record_one(const struct command_context *context,
		       const struct link_note *before, const struct link_note *note,
		       const struct link_call *call, bool counts, struct err *err)
{
	return link_note_write(context->root_fd, note, err) &&
	       (!counts || count_use(context, before, note, call, err));
}

/* Those that were up where this one is now. */
static bool record_others(const struct command_context *context,
			  const struct link_entries *entries, const char *name,
			  const char *interface, bool counts, struct err *err)
{
	AUTO_BUF ignored = BUF_INIT(IGNORED_MAX);
	bool done = true;

	for (size_t i = 0; done && i < entries->count; i++) {
		const struct link_entry *entry = &entries->list[i];
		struct link_note note = entry->note;
		struct link_call call;

		if (!link_entry_yields(entry, name, interface))
			continue;
		link_note_change(&note, false, span_of("interface=\n"), &call, &ignored);
		done = record_one(context, &entry->note, &note, &call, counts, err);
	}
	return done;
}

/* For the start of the supervisor; or, if it has not answered, so that the note is right
 * in any case. */
static bool record(struct command_context *context, const struct link_event *event,
		   const char *word, bool counts, struct err *err)
{
	AUTO_BUF ignored = BUF_INIT(IGNORED_MAX);
	char name[SMARTHOST_NAME_MAX], interface[LINKFILE_INTERFACE_MAX];
	char address[INTERFACE_ADDRESS_MAX];
	struct link_note before, note;
	struct link_entries entries;
	struct link_call call;
	bool done;

	if (!link_entries_read(context->root_fd, context->control_fd, &entries, err))
		return false;
	identify(&entries, word, event->up != 0, event->settings, name, interface);
	link_note_read(context->root_fd, name, &before);
	note = before;
	link_note_change(&note, event->up != 0, event->settings, &call, &ignored);
	if (event->up) {
		snprintf(note.word, sizeof(note.word), "%s", word);
		note.present = interface_look(interface, address) != INTERFACE_ABSENT;
	}
	done = record_one(context, &before, &note, &call, counts, err) &&
	       (!event->up ||
		record_others(context, &entries, name, interface, counts, err));
	link_entries_free(&entries);
	tell_ignored(buf_span(&ignored));
	return done;
}

bool tell_link(struct command_context *context, const char *name, bool up,
	       struct span settings, struct err *err)
{
	struct link_event event = { up, span_of(name), settings };
	AUTO_FD gateway = channel_connect(context->root_fd, "link", err);
	bool answered = false;

	if (gateway < 0 && err->exit_code != EX_UNAVAILABLE)
		return false;
	if (gateway >= 0 && !tell_gateway(gateway, &event, &answered, err))
		return false;
	if (answered)
		return true;
	if (!record(context, &event, name, gateway < 0, err))
		return false;
	fprintf(stderr, "lontar link: recorded; the gateway %s\n",
		gateway >= 0 ? "is busy and has not answered"
			     : "does not run and will see it at its start");
	return true;
}

static bool change(struct command_context *context, bool up, struct err *err)
{
	const char *name = context->args.argv[2];
	AUTO_BUF settings = BUF_INIT(PACKET_MAX / 2);

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_USAGE,
				"%s is no name for a link: small letters, digits, \".\" "
				"and \"-\"",
				name);
	return gather(&context->args, &settings, err) &&
	       tell_link(context, name, up, buf_span(&settings), err);
}

bool command_link(struct command_context *context, struct err *err)
{
	static const struct args_option none[] = { { .name = NULL } };
	const struct args *args = &context->args;
	bool up;

	if (!args_parse(&context->args, none, usage, err))
		return false;
	if (args->argc == 1)
		return link_show(context, err);
	up = strcmp(args->argv[1], "up") == 0;
	if (!up && strcmp(args->argv[1], "down") != 0)
		return err_exit(err, EX_USAGE, "say up or down, not %s", args->argv[1]);
	return args_count(args, 2, -1, usage, err) && change(context, up, err);
}
