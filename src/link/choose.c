#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limit.h"
#include "control/smarthost.h"
#include "link/allowance.h"
#include "link/cost.h"
#include "store/parked.h"

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

static int by_merit(const void *one, const void *other)
{
	if (is_better(one, other))
		return -1;
	return is_better(other, one)
		       ? 1
		       : strcmp(((const struct candidate *)one)->note.name,
				((const struct candidate *)other)->note.name);
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

	if (!linkfile_load(asked->control_fd, note->name, &file, NULL, &ignored))
		return false;
	candidate_out->note = *note;
	candidate_out->cost = cost_of_megabyte(&file.price, note->speed_bps);
	found = serves(asked->use == LINK_FOR_PICKUP ? &file.pickups : &file.smarthosts,
		       asked->name, &candidate_out->place);
	if (found)
		link_allowance(asked->root_fd, &file, asked->now,
			       &candidate_out->allowance);
	if (found && asked->use == LINK_FOR_SMARTHOST)
		link_limit_by_calls(asked->root_fd, note, asked->name, asked->now,
				    &candidate_out->allowance);
	linkfile_clear(&file);
	return found;
}

/* Of what waits for a smarthost, something that the link takes and has room for. */
struct fit {
	struct order_limits limits;
	bool found;
};

static bool look_at(void *ctx, const struct parked_name *name)
{
	struct fit *fit = ctx;

	fit->found = name->state != PARKED_HELD && order_fits(name, &fit->limits);
	return !fit->found;
}

static bool fits(const struct asked *asked, const struct allowance *allowance)
{
	struct fit fit = { .limits = link_limits(allowance) };
	struct err ignored;
	struct parked *parked = parked_open(asked->root_fd, asked->name, false, &ignored);

	if (parked && !parked_each(parked, look_at, &fit, &ignored))
		fit.found = false;
	parked_close(parked);
	return fit.found;
}

/* The first, unless nothing that waits may go over it and something may over one that
 * comes after it. */
static const struct candidate *pick(const struct asked *asked,
				    const struct candidate *candidates, size_t count)
{
	if (asked->use != LINK_FOR_SMARTHOST || count < 2 ||
	    !candidates[1].allowance.open)
		return candidates;
	for (size_t i = 0; i < count && candidates[i].allowance.open; i++)
		if (fits(asked, &candidates[i].allowance))
			return &candidates[i];
	return candidates;
}

bool link_choose(int root_fd, int control_fd, enum link_use use, const char *name,
		 int64_t now, struct link_choice *choice_out)
{
	const struct asked asked = { root_fd, control_fd, use, name, now };
	struct candidate *candidates;
	struct link_note *notes;
	struct err ignored;
	size_t noted, count = 0;

	*choice_out = (struct link_choice){ .up = false };
	if (!link_notes(root_fd, &notes, &noted, &ignored))
		return false;
	candidates = must_alloc((noted + 1) * sizeof(*candidates));
	for (size_t i = 0; i < noted; i++)
		if (notes[i].up)
			count += consider(&asked, &notes[i], &candidates[count]);
	free(notes);
	if (count) {
		const struct candidate *picked;

		qsort(candidates, count, sizeof(*candidates), by_merit);
		picked = pick(&asked, candidates, count);
		choice_out->up = true;
		choice_out->link = picked->note;
		choice_out->allowance = picked->allowance;
	}
	free(candidates);
	return choice_out->allowance.open;
}

bool link_outlook(int root_fd, int control_fd, enum link_use use, const char *name,
		  int64_t now, struct link_choice *choice_out)
{
	const struct asked asked = { root_fd, control_fd, use, name, now };
	struct candidate best = { .cost = 0 }, candidate;
	struct settings_list names;
	bool found = false;
	struct err ignored;

	*choice_out = (struct link_choice){ .up = false };
	if (!smarthost_names(control_fd, "links", &names, &ignored))
		return false;
	for (size_t i = 0; i < names.count; i++) {
		struct link_note note;

		link_note_read(root_fd, names.lines[i], &note);
		if (!consider(&asked, &note, &candidate) ||
		    (found && !is_better(&candidate, &best)))
			continue;
		best = candidate;
		found = true;
	}
	settings_list_clear(&names);
	choice_out->link = best.note;
	choice_out->allowance = best.allowance;
	return found;
}

void link_limit_by_calls(int root_fd, const struct link_note *link, const char *smarthost,
			 int64_t now, struct allowance *allowance)
{
	const struct carries_now at = { .now = now, .since = link->up ? link->since : 0 };
	struct carries carries;

	carries_read(root_fd, link->name, smarthost, &carries);
	allowance->calls = carries_limit(&carries, &at);
}

bool link_calls_are_short(const struct allowance *allowance,
			  const struct parked_name *name)
{
	return name->state == PARKED_WAITING && !name->freed &&
	       name->wire_bytes > allowance->calls.largest &&
	       name->wire_bytes <= allowance->maxsize;
}

struct order_limits link_limits(const struct allowance *allowance)
{
	return (struct order_limits){ .maxsize = limit_least(allowance->maxsize,
							     allowance->calls.largest),
				      .lowest = allowance->lowest,
				      .room = order_room(allowance->bytes) };
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
