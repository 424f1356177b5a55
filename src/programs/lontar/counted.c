#include "programs/lontar/counted.h"

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
	struct ledger ledger;
};

static struct ledger *find_or_add(struct counted *counted, const char *link)
{
	struct counted_link *at = counted->first;

	while (at && strcmp(at->ledger.link, link) != 0)
		at = at->next;
	if (!at) {
		at = must_alloc(sizeof(*at));
		ledger_open(&at->ledger, counted->root_fd, link);
		at->next = counted->first;
		counted->first = at;
	}
	return &at->ledger;
}

static void write_down(struct ledger *ledger)
{
	struct err err;

	if (!ledger_write(ledger, &err))
		log_failure(&err);
}

void counted_add(struct counted *counted, const struct link_progress *told,
		 uint64_t *used_bytes)
{
	uint64_t more =
		told->used_bytes > *used_bytes ? told->used_bytes - *used_bytes : 0;
	char link[SMARTHOST_NAME_MAX];
	struct ledger *ledger;
	struct link_note note;
	struct linkfile file;
	struct err ignored;

	if (!packet_text_copy(told->link, link, sizeof(link)) ||
	    !smarthost_name_is_valid(link) ||
	    !linkfile_load(counted->control_fd, link, &file, NULL, &ignored))
		return;
	ledger = find_or_add(counted, link);
	link_note_read(counted->root_fd, link, &note);
	ledger_count(ledger, &file, &note, clock_wall_s());
	ledger_add(ledger, &file, clock_wall_s(), more);
	linkfile_clear(&file);
	*used_bytes += more;
	if (ledger->written_ms + WRITE_MS <= clock_monotonic_ms())
		write_down(ledger);
}

void counted_close(struct counted *counted)
{
	while (counted->first) {
		struct counted_link *at = counted->first;

		write_down(&at->ledger);
		counted->first = at->next;
		free(at);
	}
}
