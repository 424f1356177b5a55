/* What is on disk is what the gateway knows. */
#include "programs/lontar/link_show.h"

#include <stdio.h>

#include "base/clock.h"
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

bool link_show(const struct command_context *context, struct err *err)
{
	struct link_status *links;
	size_t count;

	if (!link_statuses(context->root_fd, context->control_fd, &links, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		show_state(&links[i]);
	if (!count)
		puts("no link has been up yet: `lontar link up NAME` tells of one");
	link_statuses_free(links, count);
	return true;
}
