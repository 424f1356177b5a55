/*
 * The policy, from the strongest reason to the weakest:
 *
 * 1. A file names the interface: it is that file's link, whatever the speaker calls it,
 *    since the kernel too will say so. If several files name it, one of that name is
 *    meant; if none is called so, the one that is being called at the moment, then one
 *    that is up, then the one that was up last, then the first by name.
 * 2. A file names the device behind the interface (ttyUSB1 behind ppp0).
 * 3. A file has that name. It may name another interface: a hook knows better where a
 *    link of this name is today (ppp1, because ppp0 was still there).
 * 4. A file names as its interface what the speaker took for a name.
 * 5. Another link is up over this interface: a second speaker tells of the same event.
 * 6. Only of news that something is down, whose speaker may no longer know the interface:
 *    the link that was told of by this word, or that was at this interface last.
 * 7. A link of that name is known, without a file.
 *
 * What fits none of these is a link of its own. It has no file, so it serves everything,
 * and its use is counted under the word.
 */
#include "link/identity.h"

#include <string.h>

static bool is(const char *one, const char *other)
{
	return one[0] && strcmp(one, other) == 0;
}

const char *link_entry_interface(const struct link_entry *entry)
{
	return entry->note.up && entry->note.interface[0] ? entry->note.interface : entry->interface;
}

bool link_entry_yields(const struct link_entry *entry, const char *name,
		       const char *interface)
{
	return entry->note.up && strcmp(entry->note.name, name) != 0 &&
	       is(link_entry_interface(entry), interface);
}

static bool file_has_interface(const struct link_entry *entry,
			       const struct link_word *word)
{
	return is(entry->interface, word->interface);
}

static bool file_has_device(const struct link_entry *entry, const struct link_word *word)
{
	return is(entry->interface, word->device);
}

static bool file_has_name(const struct link_entry *entry, const struct link_word *word)
{
	return entry->has_file && is(entry->note.name, word->name);
}

static bool file_has_name_as_interface(const struct link_entry *entry,
				       const struct link_word *word)
{
	return is(entry->interface, word->name);
}

static bool is_up_there(const struct link_entry *entry, const struct link_word *word)
{
	return entry->note.up &&
	       (is(entry->note.interface, word->interface) ||
		(!word->interface[0] && is(entry->note.interface, word->name)));
}

static bool was_told_so(const struct link_entry *entry, const struct link_word *word)
{
	return !word->up && is(entry->note.word, word->name);
}

static bool was_there(const struct link_entry *entry, const struct link_word *word)
{
	return !word->up && is(entry->note.interface, word->interface);
}

static bool has_name(const struct link_entry *entry, const struct link_word *word)
{
	return is(entry->note.name, word->name);
}

/* Of two that a rule fits. Where nothing else tells, the first one stays. */
static bool is_likelier(const struct link_entry *one, const struct link_entry *other,
			const struct link_word *word)
{
	if (is(one->note.name, word->name) != is(other->note.name, word->name))
		return is(one->note.name, word->name);
	if (one->is_called != other->is_called)
		return one->is_called;
	if (one->note.up != other->note.up)
		return one->note.up;
	return one->note.since > other->note.since;
}

typedef bool rule(const struct link_entry *entry, const struct link_word *word);

const struct link_entry *link_identify(const struct link_entries *entries,
				       const struct link_word *word)
{
	static rule *const rules[] = {
		file_has_interface, file_has_device,
		file_has_name,      file_has_name_as_interface,
		is_up_there,        was_told_so,
		was_there,          has_name,
	};

	for (size_t i = 0; i < LENGTH(rules); i++) {
		const struct link_entry *found = NULL;

		for (size_t j = 0; j < entries->count; j++)
			if (rules[i](&entries->list[j], word) &&
			    (!found || is_likelier(&entries->list[j], found, word)))
				found = &entries->list[j];
		if (found)
			return found;
	}
	return NULL;
}
