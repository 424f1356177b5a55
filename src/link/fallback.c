/*
 * When the second smarthost takes over.
 *
 * A stop tells what is wrong, and most of that is no matter of another server's: a block
 * list or a refused relay (place), a login, a certificate, an offer that does not work
 * (peer), a quota (account), a portal or a name server that answers in its place
 * (network; another port or name may get through), a person's word. The mail goes over
 * the fallback at once, since what is refused for good would only wait. Two stops do not
 * count: `clock`, since the other server's certificate cannot be judged either, and
 * `session`, which is over in seconds. A stop of one sender or one letter says nothing
 * about the smarthost.
 *
 * A stop that has come to its end counts no longer: the mail that waits at that moment is
 * the feeler's, and moves when the feeler is refused as well.
 */
#include "link/fallback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "link/allowance.h"

/* Another server would suffer from it as well, or it is over before mail has moved. */
static bool is_passing(const struct stop *stop)
{
	return strcmp(stop->scope, "clock") == 0 || strcmp(stop->scope, "session") == 0;
}

bool fallback_is_out(const struct smarthost *smarthost, const struct smarthost_note *note,
		     const struct stop *stop)
{
	return (stop && !is_passing(stop)) ||
	       (smarthost->fallback && note->failures >= smarthost->fallbackafter);
}

static bool any_link_is_up(int root_fd)
{
	struct link_note *notes;
	struct err ignored;
	bool any = false;
	size_t count;

	if (!link_notes(root_fd, &notes, &count, &ignored))
		return false;
	for (size_t i = 0; i < count; i++)
		any |= notes[i].up;
	free(notes);
	return any;
}

bool fallback_is_cut_off(int root_fd, int control_fd, const char *smarthost)
{
	struct link_choice choice;

	return !link_choose(root_fd, control_fd, LINK_FOR_SMARTHOST, smarthost,
			    clock_wall_s(), &choice) &&
	       !choice.up && any_link_is_up(root_fd);
}

/* Name's fallback, and whether name itself is out; false: it has none, or cannot be read.
 */
static bool next(int root_fd, int control_fd, const struct settings *settings,
		 char name[SMARTHOST_NAME_MAX], bool *is_out_out)
{
	struct smarthost smarthost;
	struct smarthost_note note;
	struct err ignored;
	struct stop stop;
	bool has, is_stopped;

	*is_out_out = true;
	if (!smarthost_load(control_fd, settings, name, &smarthost, &ignored))
		return false;
	smarthost_note_read(root_fd, name, &note);
	is_stopped = smarthost_is_stopped(root_fd, control_fd, name, &stop);
	*is_out_out = fallback_is_out(&smarthost, &note, is_stopped ? &stop : NULL) ||
		      fallback_is_cut_off(root_fd, control_fd, name);
	has = smarthost.fallback != NULL;
	if (has)
		snprintf(name, SMARTHOST_NAME_MAX, "%s", smarthost.fallback);
	smarthost_clear(&smarthost);
	return has;
}

bool fallback_find(int root_fd, int control_fd, const struct settings *settings,
		   const char *smarthost, char target_out[SMARTHOST_NAME_MAX])
{
	char name[SMARTHOST_NAME_MAX];
	bool is_out, has;

	snprintf(name, sizeof(name), "%s", smarthost);
	has = next(root_fd, control_fd, settings, name, &is_out);
	for (unsigned hops = 0; has && hops < FALLBACK_HOPS_MAX; hops++) {
		if (strcmp(name, smarthost) == 0)
			return false;
		memcpy(target_out, name, SMARTHOST_NAME_MAX);
		has = next(root_fd, control_fd, settings, name, &is_out);
		if (!is_out)
			return true;
	}
	return false;
}

bool fallback_stands_in(int root_fd, int control_fd, const struct settings *settings,
			const char *smarthost, char target_out[SMARTHOST_NAME_MAX])
{
	char name[SMARTHOST_NAME_MAX];
	bool is_out;

	snprintf(name, sizeof(name), "%s", smarthost);
	return next(root_fd, control_fd, settings, name, &is_out) && is_out &&
	       fallback_find(root_fd, control_fd, settings, smarthost, target_out);
}

bool fallback_leads_to(int root_fd, int control_fd, const struct settings *settings,
		       const char *smarthost, const char *here)
{
	char name[SMARTHOST_NAME_MAX];
	bool is_out;

	snprintf(name, sizeof(name), "%s", smarthost);
	for (unsigned hops = 0; hops < FALLBACK_HOPS_MAX; hops++) {
		if (!next(root_fd, control_fd, settings, name, &is_out) || !is_out)
			return false;
		if (strcmp(name, here) == 0)
			return true;
	}
	return false;
}

bool fallback_forgive(int root_fd, const char *smarthost, struct err *err)
{
	struct smarthost_note note;

	if (!stops_forgive(root_fd, smarthost, err))
		return false;
	smarthost_note_read(root_fd, smarthost, &note);
	if (!note.failures)
		return true;
	note.failures = 0;
	return smarthost_note_write(root_fd, smarthost, &note, err);
}

bool fallback_check(int control_fd, const struct settings *settings,
		    const char *smarthost, struct err *err)
{
	char name[SMARTHOST_NAME_MAX];

	snprintf(name, sizeof(name), "%s", smarthost);
	for (unsigned hops = 0; hops <= FALLBACK_HOPS_MAX; hops++) {
		struct smarthost loaded;
		bool has;

		if (!smarthost_load(control_fd, settings, name, &loaded, err))
			/* Its own faults are told when its turn comes. */
			return hops == 0 || err->exit_code != EX_NOINPUT ||
			       err_context(err, "control/smarthosts/%s: fallback",
					   smarthost);
		has = loaded.fallback != NULL;
		if (has)
			snprintf(name, sizeof(name), "%s", loaded.fallback);
		smarthost_clear(&loaded);
		if (!has)
			return true;
		if (strcmp(name, smarthost) == 0)
			break;
	}
	return err_exit(
		err, EX_CONFIG,
		"control/smarthosts/%s: its fallbacks go round in a circle, or are "
		"more than %d; take one out",
		smarthost, FALLBACK_HOPS_MAX);
}
