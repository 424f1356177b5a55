#include "programs/lontar/counted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "control/linkfile.h"
#include "control/smarthost.h"
#include "link/ledger.h"
#include "link/notes.h"

#define WRITE_MS 1000

struct counted_link {
	struct counted_link *next;
	char name[SMARTHOST_NAME_MAX];
	uint64_t bytes; /* not written yet */
	int64_t written_ms;
};

static struct counted_link *find_or_add(struct counted *counted, const char *name)
{
	struct counted_link *link = counted->first;

	while (link && strcmp(link->name, name) != 0)
		link = link->next;
	if (link)
		return link;
	link = must_alloc(sizeof(*link));
	snprintf(link->name, sizeof(link->name), "%s", name);
	link->next = counted->first;
	counted->first = link;
	return link;
}

/* Read anew each time: the line's hook writes there too, when it ends. */
static void write_down(const struct counted *counted, struct counted_link *link)
{
	int64_t now = clock_wall_s();
	struct ledger ledger;
	struct link_note note;
	struct linkfile file;
	struct err err;

	link->written_ms = clock_monotonic_ms();
	if (!linkfile_load(counted->control_fd, link->name, &file, NULL, &err))
		return;
	ledger_open(&ledger, counted->root_fd, link->name);
	link_note_read(counted->root_fd, link->name, &note);
	ledger_count(&ledger, &file, &note, now);
	ledger_add(&ledger, &file, now, link->bytes);
	linkfile_clear(&file);
	if (ledger_write(&ledger, &err))
		link->bytes = 0;
	else
		log_failure(&err);
}

void counted_add(struct counted *counted, const struct link_progress *told,
		 uint64_t *used_bytes)
{
	char name[SMARTHOST_NAME_MAX];
	struct counted_link *link;

	if (told->used_bytes <= *used_bytes ||
	    !packet_text_copy(told->link, name, sizeof(name)) ||
	    !smarthost_name_is_valid(name))
		return;
	link = find_or_add(counted, name);
	link->bytes += told->used_bytes - *used_bytes;
	*used_bytes = told->used_bytes;
	if (link->written_ms + WRITE_MS <= clock_monotonic_ms())
		write_down(counted, link);
}

void counted_close(struct counted *counted)
{
	while (counted->first) {
		struct counted_link *link = counted->first;

		write_down(counted, link);
		counted->first = link->next;
		free(link);
	}
}
