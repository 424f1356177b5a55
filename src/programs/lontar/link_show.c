/* What is on disk is what the gateway knows. */
#include "programs/lontar/link_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "link/call.h"
#include "report/links.h"

static void show_state(const struct link_status *link)
{
	const struct link_note *note = &link->note;
	char since[CLOCK_TEXT_MAX];

	printf("%-12s %-8s", note->name, link_status_state(link));
	if (note->since)
		printf(" since %s", clock_format_rfc3339(note->since, since));
	if (note->told[0])
		printf(" by=%s", note->told);
	if (note->interface[0])
		printf(" interface=%s", note->interface);
	if (note->dns[0])
		printf(" dns=%s", note->dns);
	link_status_print(link, stdout);
}

/* The gateway's own calls, where there is a line callwhen. */
static void show_calls(int root_fd, const struct link_status *link)
{
	const char *name = link->note.name;
	struct call_note call;
	char when[CLOCK_TEXT_MAX];

	if (!link->file.callwhen.count || link->note.up)
		return;
	call_note_read(root_fd, name, &call);
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

bool link_show(const struct command_context *context, struct err *err)
{
	struct link_status *links;
	size_t count;

	if (!link_statuses(context->root_fd, context->control_fd, &links, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		show_state(&links[i]);
		show_calls(context->root_fd, &links[i]);
	}
	if (!count)
		puts("no link has been up yet: `lontar link up NAME` tells of one");
	link_statuses_free(links, count);
	return true;
}
