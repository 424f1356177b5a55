#include "link/change.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"

#define FLAPS_MAX_S 60 /* `since` is no more ahead of the clock than this */

static const struct text_key {
	const char *name;
	size_t offset;
	size_t room;
} text_keys[] = {
#define TEXT_KEY(field)                                        \
	{                                                      \
#field, offsetof(struct link_note, field),     \
			sizeof(((struct link_note *)0)->field) \
	}
	TEXT_KEY(interface),
	TEXT_KEY(local),
	TEXT_KEY(remote),
	TEXT_KEY(dns),
#undef TEXT_KEY
};

enum number_key {
	SPEED,
	SENT,
	RECEIVED,
	SECONDS,
	NUMBERS
};

/* All but the first are those of a call that is over. */
static const char *const number_keys[NUMBERS] = {
	[SPEED] = "speed_bps",
	[SENT] = "bytes_sent",
	[RECEIVED] = "bytes_received",
	[SECONDS] = "seconds",
};

struct numbers {
	uint64_t value[NUMBERS];
	bool told[NUMBERS];
};

static bool take_text(struct link_note *note, struct span key, struct span value)
{
	for (size_t i = 0; i < LENGTH(text_keys); i++) {
		char *at = (char *)note + text_keys[i].offset;

		if (!span_is(key, text_keys[i].name))
			continue;
		if (value.len >= text_keys[i].room || memchr(value.at, '\0', value.len))
			return false;
		memcpy(at, value.at, value.len);
		at[value.len] = '\0';
		return true;
	}
	return false;
}

static bool take_number(struct numbers *numbers, struct span key, struct span value)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		if (!span_is(key, number_keys[i]))
			continue;
		numbers->told[i] = number_parse(value, INT64_MAX, &numbers->value[i]);
		return numbers->told[i];
	}
	return false;
}

static struct link_call call_of(const struct numbers *numbers)
{
	return (struct link_call){
		.has_bytes = numbers->told[SENT] && numbers->told[RECEIVED],
		.has_seconds = numbers->told[SECONDS],
		.bytes = numbers->value[SENT] + numbers->value[RECEIVED],
		.seconds = numbers->value[SECONDS],
	};
}

/* Two changes within a second are a second apart, so that each link-up has a `since` of
 * its own: a stop (link/stops.h) and a call's account are told apart by it. */
static int64_t since_now(const struct link_note *note)
{
	int64_t now = clock_wall_s(), ahead = note->since - now;

	return ahead >= 0 && ahead < FLAPS_MAX_S ? note->since + 1 : now;
}

/* Bits of note.families. */
static bool take_family(uint64_t *families, struct span key, struct span value)
{
	uint64_t told = span_is(value, "ipv4")   ? LINK_IPV4
			: span_is(value, "ipv6") ? LINK_IPV6
						 : 0;

	if (!span_is(key, "family") || !told)
		return false;
	*families |= told;
	return true;
}

struct span link_setting(struct span settings, const char *key)
{
	struct span line, found = { "", 0 };

	while (span_cut(&settings, '\n', &line)) {
		struct span value = line, name;

		if (span_cut(&value, '=', &name) && span_is(name, key) && value.at)
			found = value;
	}
	return found;
}

void link_setting_copy(struct span settings, const char *key,
		       char out[LINKFILE_INTERFACE_MAX])
{
	struct span value = link_setting(settings, key);

	out[0] = '\0';
	if (value.len < LINKFILE_INTERFACE_MAX)
		snprintf(out, LINKFILE_INTERFACE_MAX, "%.*s", SPAN_ARG(value));
}

/* Of the note before it: what is known of an earlier call is forgotten. */
static struct link_note begin_call(const struct link_note *note)
{
	struct link_note next = { .up = true, .since = note->since };

	snprintf(next.name, sizeof(next.name), "%s", note->name);
	snprintf(next.word, sizeof(next.word), "%s", note->word);
	return next;
}

static bool is_same_call(const struct link_note *note, struct span settings)
{
	return note->up && note->interface[0] &&
	       span_is(link_setting(settings, "interface"), note->interface);
}

/* Takes the lines; what is none is appended to ignored_out. */
static void take_settings(struct link_note *next, struct span settings,
			  struct numbers *numbers, uint64_t *families,
			  struct buf *ignored_out)
{
	struct span line;

	while (span_cut(&settings, '\n', &line)) {
		struct span value = line, key = { line.at, 0 };
		/* Which device is behind the interface says only which link it is. */
		bool taken = span_cut(&value, '=', &key) && value.at &&
			     (span_is(key, "device") || take_text(next, key, value) ||
			      take_number(numbers, key, value) ||
			      take_family(families, key, value));

		if (line.len && !taken &&
		    (!buf_append_span(ignored_out, line) ||
		     !buf_append_byte(ignored_out, '\n')))
			break;
	}
}

void link_note_change(struct link_note *note, bool up, struct span settings,
		      struct link_call *call_out, struct buf *ignored_out)
{
	struct link_note next = *note;
	struct numbers numbers = { 0 };
	uint64_t families = 0;

	if (up && !is_same_call(note, settings))
		next = begin_call(note);
	take_settings(&next, settings, &numbers, &families, ignored_out);
	if (numbers.told[SPEED])
		next.speed_bps = numbers.value[SPEED];
	if (call_out)
		*call_out = call_of(&numbers);
	if (!up && note->up && families && note->families & ~families) {
		note->families &= ~families;
		return;
	}
	next.families = up ? next.families | families : 0;
	clock_boot_id(next.boot_id);
	next.up = up;
	if (note->up != up || !note->since)
		next.since = since_now(note);
	next.told[0] = '\0';
	*note = next;
}

bool link_note_settings(const struct link_note *note, struct buf *settings_out)
{
	for (size_t i = 0; i < LENGTH(text_keys); i++) {
		const char *value = (const char *)note + text_keys[i].offset;

		if (value[0] &&
		    !buf_appendf(settings_out, "%s=%s\n", text_keys[i].name, value))
			return false;
	}
	if (note->families & LINK_IPV4 && !buf_append_text(settings_out, "family=ipv4\n"))
		return false;
	if (note->families & LINK_IPV6 && !buf_append_text(settings_out, "family=ipv6\n"))
		return false;
	return !note->speed_bps || buf_appendf(settings_out, "speed_bps=%llu\n",
					       (unsigned long long)note->speed_bps);
}
