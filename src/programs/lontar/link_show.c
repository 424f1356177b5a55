/* What is on disk is what the gateway knows. */
#include "programs/lontar/link_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "link/call.h"
#include "link/notes.h"

static const char *state_of(int root_fd, const struct link_note *note)
{
	if (note->up)
		return "up";
	return link_is_called(root_fd, note->name) ? "dialling" : "down";
}

static void show_note(int root_fd, const struct link_note *note)
{
	char since[CLOCK_TEXT_MAX];

	printf("%-12s %-8s", note->name, state_of(root_fd, note));
	if (note->since)
		printf(" since %s", clock_format_rfc3339(note->since, since));
	if (note->told[0])
		printf(" by=%s", note->told);
	if (note->interface[0])
		printf(" interface=%s", note->interface);
	if (note->dns[0])
		printf(" dns=%s", note->dns);
	putchar('\n');
}

/* The gateway's own calls, where there is a line callwhen. */
static void show_calls(const struct command_context *context,
		       const struct link_note *note)
{
	struct linkfile file;
	struct call_note call;
	char when[CLOCK_TEXT_MAX];
	struct err ignored;
	size_t lines;

	if (!linkfile_load(context->control_fd, note->name, &file, NULL, &ignored))
		return;
	lines = file.callwhen.count;
	linkfile_clear(&file);
	if (!lines || note->up)
		return;
	call_note_read(context->root_fd, note->name, &call);
	if (call.next)
		printf("%-12s next call %s: %s\n", "",
		       clock_format_rfc3339(call.next, when), call.why);
	else
		printf("%-12s next call when there is mail for it%s%s\n", "",
		       call.why[0] ? ": " : "", call.why);
	if (call.failures)
		printf("%-12s %" PRIu64 " call%s failed: %s\n", "", call.failures,
		       call.failures == 1 ? "" : "s", call.last_error);
}

static void show(const struct command_context *context, const struct link_note *note)
{
	show_note(context->root_fd, note);
	show_calls(context, note);
}

static bool is_among(const struct link_note *notes, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(notes[i].name, name) == 0)
			return true;
	return false;
}

bool link_show(const struct command_context *context, struct err *err)
{
	struct settings_list names = { 0 };
	struct link_note *notes, note;
	size_t count;

	if (!link_notes(context->root_fd, &notes, &count, err))
		return false;
	if (!smarthost_names(context->control_fd, "links", &names, err)) {
		free(notes);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		show(context, &notes[i]);
	for (size_t i = 0; i < names.count; i++) {
		if (is_among(notes, count, names.lines[i]))
			continue;
		link_note_read(context->root_fd, names.lines[i], &note);
		show(context, &note);
	}
	if (!count && !names.count)
		puts("no link has been up yet: `lontar link up NAME` tells of one");
	settings_list_clear(&names);
	free(notes);
	return true;
}
