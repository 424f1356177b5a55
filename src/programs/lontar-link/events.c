#include "programs/lontar-link/events.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "programs/lontar-link/accounts.h"

#define IGNORED_MAX  1024
#define SETTINGS_MAX 4096
#define HELD_BACK    "its interface has no carrier or no address; up once it has"
#define GONE         "its interface is gone; not taken as up"

static void follow(struct events *events, const char *link, bool up)
{
	if (up) {
		flushes_link_up(events->flushes);
		pickups_link_up(events->pickups);
	} else {
		flushes_link_down(events->flushes);
		pickups_link_down(events->pickups);
	}
	events->on_change(events->ctx, link, up);
}

/* It is down by our own conclusion, and at no interface any more. What is at work on it
 * begins anew on the link that took its place. */
static void yield(struct events *events, const char *link)
{
	AUTO_BUF ignored = BUF_INIT(IGNORED_MAX);
	const struct link_news news = { .name = link,
					.told = TOLD_BY_HOOK,
					.settings = span_of("interface=\n") };
	struct err err;

	if (!links_set(events->links, &news, &ignored, &err)) {
		log_failure(&err);
		return;
	}
	accounts_leave(events->links->accounts, link);
	follow(events, link, false);
}

static void yield_all(struct events *events, const char *link, const char *interface)
{
	struct link_entries entries;
	struct err err;

	if (!link_entries_read(events->links->root_fd, events->control_fd, &entries,
			       &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < entries.count; i++)
		if (link_entry_yields(&entries.list[i], link, interface))
			yield(events, entries.list[i].note.name);
	link_entries_free(&entries);
}

static bool is_real(const char *interface)
{
	char ignored[INTERFACE_ADDRESS_MAX];

	return interface[0] && interface_look(interface, ignored) != INTERFACE_ABSENT;
}

/* Which link, and which interface: that which is told, or what the word is the name of;
 * else the link's own if the kernel has it. */
static bool identify(const struct events *events, struct heard *heard, struct err *err)
{
	char device[LINKFILE_INTERFACE_MAX];
	const struct link_word word = { heard->word, heard->interface, device,
					heard->up };
	const struct link_entry *entry;
	struct link_entries entries;

	link_setting_copy(heard->settings, "interface", heard->interface);
	link_setting_copy(heard->settings, "device", device);
	if (!heard->interface[0] && is_real(heard->word))
		snprintf(heard->interface, sizeof(heard->interface), "%s", heard->word);
	if (!link_entries_read(events->links->root_fd, events->control_fd, &entries, err))
		return false;
	entry = link_identify(&entries, &word);
	snprintf(heard->link, sizeof(heard->link), "%s",
		 entry ? entry->note.name : heard->word);
	if (entry && !heard->interface[0])
		snprintf(heard->interface, sizeof(heard->interface), "%s",
			 link_entry_interface(entry));
	link_entries_free(&entries);
	heard->state = interface_look(heard->interface, heard->address);
	return true;
}

/* With the interface and the address that the kernel knows, where the hook told none. */
static bool complete(const struct heard *heard, struct buf *settings_out)
{
	if (heard->up && heard->state != INTERFACE_ABSENT &&
	    !link_setting(heard->settings, "interface").len &&
	    !buf_appendf(settings_out, "interface=%s\n", heard->interface))
		return false;
	if (heard->up && heard->address[0] &&
	    !link_setting(heard->settings, "local").len &&
	    !buf_appendf(settings_out, "local=%s\n", heard->address))
		return false;
	return buf_append_span(settings_out, heard->settings);
}

static bool record(struct events *events, struct heard *heard, struct buf *answer_out,
		   struct err *err)
{
	AUTO_BUF settings = BUF_INIT(SETTINGS_MAX);
	struct link_news news = { .name = heard->link,
				  .up = heard->up,
				  .told = TOLD_BY_HOOK,
				  .word = heard->word,
				  .present = heard->state != INTERFACE_ABSENT };

	if (!complete(heard, &settings))
		return err_exit(err, EX_USAGE, "too many settings");
	news.settings = buf_span(&settings);
	if (!links_set(events->links, &news, answer_out, err))
		return false;
	heard->is_recorded = true;
	events->on_recorded(events->ctx, heard);
	return true;
}

bool events_heard(struct events *events, struct heard *heard, struct buf *answer_out,
		  struct err *err)
{
	enum heard_verdict verdict;
	bool waits;

	heard->is_recorded = false;
	if (!identify(events, heard, err))
		return false;
	verdict = events->on_hook(events->ctx, heard);
	if (verdict == HEARD_BELIEVED)
		return record(events, heard, answer_out, err);
	waits = verdict == HEARD_WAITS;
	log_info("link name=%s state=%s interface=%s reason=%s", heard->link,
		 waits ? "held-back" : "not-believed", heard->interface,
		 waits ? HELD_BACK : GONE);
	return buf_appendf(answer_out, "%s: %s\n", heard->link,
			   waits ? HELD_BACK : GONE) ||
	       err_temporary(err, "", "the answer is too long");
}

void events_act(struct events *events, const struct heard *heard)
{
	bool up = links_find(events->links, heard->link)->up;

	if (!heard->is_recorded || (up && !heard->up))
		return;
	follow(events, heard->link, up);
	if (up && heard->interface[0])
		yield_all(events, heard->link, heard->interface);
}

void events_seen(struct events *events, const struct link_news *news)
{
	AUTO_BUF ignored = BUF_INIT(IGNORED_MAX);
	struct err err;

	if (links_find(events->links, news->name)->up == news->up)
		return;
	if (links_set(events->links, news, &ignored, &err))
		follow(events, news->name, news->up);
	else
		log_failure(&err);
}

/* The link goes on under another name, with all that is known of it. */
static void move(struct events *events, const struct link_note *from, const char *to)
{
	AUTO_BUF settings = BUF_INIT(SETTINGS_MAX), ignored = BUF_INIT(IGNORED_MAX);
	struct link_news news = { .name = to,
				  .up = true,
				  .told = from->told,
				  .word = from->word,
				  .present = from->present };
	struct err err;

	if (!link_note_settings(from, &settings))
		buf_reset(&settings);
	news.settings = buf_span(&settings);
	if (!links_set(events->links, &news, &ignored, &err)) {
		log_failure(&err);
		return;
	}
	follow(events, to, true);
	yield(events, from->name);
}

/* What called it so when it came up; "": the kernel, since its file names the interface.
 */
static const char *word_of(const struct link_entry *entry)
{
	if (entry->interface[0] && entry->note.told[0])
		return "";
	return entry->note.word[0] ? entry->note.word : entry->note.name;
}

/* Whose the interface of entries[at] is now: the same question as at its up, but that it
 * is up there itself is no answer. */
static void rehome(struct events *events, const struct link_entries *entries, size_t at)
{
	struct link_entry *entry = &entries->list[at];
	const struct link_note was = entry->note;
	char interface[LINKFILE_INTERFACE_MAX];
	const char *word = word_of(entry);
	const struct link_entry *found;

	snprintf(interface, sizeof(interface), "%s", link_entry_interface(entry));
	if (!interface[0])
		return;
	entry->note.up = false;
	found = link_identify(entries, &(struct link_word){ word, interface, "", true });
	entry->note = was;
	if (found == entry)
		return;
	if (found || word[0])
		move(events, &was, found ? found->note.name : word);
	else
		yield(events, was.name);
	entry->note.up = false;
}

void events_rehome(struct events *events)
{
	struct link_entries entries;
	struct err err;

	if (!link_entries_read(events->links->root_fd, events->control_fd, &entries,
			       &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < entries.count; i++)
		if (entries.list[i].note.up)
			rehome(events, &entries, i);
	link_entries_free(&entries);
}
