#include "link/fallback.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "link/allowance.h"

bool fallback_is_out(const struct smarthost *smarthost, const struct smarthost_note *note)
{
	return note->held ||
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
	bool has;

	*is_out_out = true;
	if (!smarthost_load(control_fd, settings, name, &smarthost, &ignored))
		return false;
	smarthost_note_read(root_fd, name, &note);
	*is_out_out = fallback_is_out(&smarthost, &note) ||
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

bool fallback_forgive(int root_fd, int control_fd, const struct settings *settings,
		      const char *smarthost, struct err *err)
{
	char name[SMARTHOST_NAME_MAX];
	struct smarthost_note note;
	bool is_out;

	snprintf(name, sizeof(name), "%s", smarthost);
	if (!next(root_fd, control_fd, settings, name, &is_out) || !is_out)
		return true;
	smarthost_note_read(root_fd, smarthost, &note);
	note.held = false;
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
