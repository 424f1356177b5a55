#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "link/allowance.h"
#include "link/cost.h"

struct candidate {
	struct link_note note;
	struct allowance allowance;
	uint64_t cost;
	size_t place; /* in the file's list */
};

/* Whether the file names it, and where; one that names nobody serves all. */
static bool serves(const struct settings_list *list, const char *name, size_t *place_out)
{
	size_t i = 0;

	while (i < list->count && strcmp(list->lines[i], name) != 0)
		i++;
	*place_out = list->count ? i : SIZE_MAX;
	return i < list->count || !list->count;
}

/* Of those that are not open, the one whose turn comes first. */
static bool opens_before(const struct allowance *one, const struct allowance *other)
{
	if (one->spent != other->spent)
		return other->spent;
	return one->again && (!other->again || one->again < other->again);
}

static bool is_better(const struct candidate *one, const struct candidate *other)
{
	if (one->allowance.open != other->allowance.open)
		return one->allowance.open;
	if (!one->allowance.open)
		return opens_before(&one->allowance, &other->allowance);
	if (one->cost != other->cost)
		return one->cost < other->cost;
	return one->place < other->place;
}

struct asked {
	int root_fd;
	int control_fd;
	enum link_use use;
	const char *name;
	int64_t now;
};

/* A file that cannot be read serves nothing: a call on the wrong link costs money, and
 * `lontar check` says what is wrong. */
static bool consider(const struct asked *asked, const struct link_note *note,
		     struct candidate *candidate_out)
{
	struct linkfile file;
	struct err ignored;
	bool found;

	if (!note->up ||
	    !linkfile_load(asked->control_fd, note->name, &file, NULL, &ignored))
		return false;
	candidate_out->note = *note;
	candidate_out->cost = cost_of_megabyte(&file.price, note->speed_bps);
	found = serves(asked->use == LINK_FOR_PICKUP ? &file.pickups : &file.smarthosts,
		       asked->name, &candidate_out->place);
	if (found)
		link_allowance(asked->root_fd, &file, asked->now,
			       &candidate_out->allowance);
	linkfile_clear(&file);
	return found;
}

bool link_choose(int root_fd, int control_fd, enum link_use use, const char *name,
		 int64_t now, struct link_choice *choice_out)
{
	const struct asked asked = { root_fd, control_fd, use, name, now };
	struct candidate best = { .cost = UINT64_MAX }, candidate;
	struct link_note *notes;
	struct err ignored;
	size_t count;

	*choice_out = (struct link_choice){ .up = false };
	if (!link_notes(root_fd, &notes, &count, &ignored))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!consider(&asked, &notes[i], &candidate) ||
		    (choice_out->up && !is_better(&candidate, &best)))
			continue;
		best = candidate;
		choice_out->up = true;
	}
	free(notes);
	if (!choice_out->up)
		return false;
	choice_out->link = best.note;
	choice_out->allowance = best.allowance;
	return best.allowance.open;
}

bool link_permit(int root_fd, int control_fd, enum link_use use, const char *name,
		 bool by_person, struct err *err)
{
	struct link_choice choice;

	if (link_choose(root_fd, control_fd, use, name, clock_wall_s(), &choice) ||
	    (by_person && !(choice.up && choice.allowance.spent)))
		return true;
	if (!choice.up)
		return err_exit(err, EX_TEMPFAIL, "the link is down");
	if (!choice.allowance.spent)
		return err_exit(err, EX_TEMPFAIL, "%s", choice.allowance.why);
	return err_exit(err, EX_TEMPFAIL, "%s; raise it in control/links/%s, or wait",
			choice.allowance.why, choice.link.name);
}
