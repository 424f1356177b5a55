#include "programs/lontar-link/wants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "control/pickup.h"
#include "control/smarthost.h"
#include "programs/lontar-link/look.h"
#include "store/parked.h"

void wants_clear(struct wants *wants)
{
	free(wants->names);
	*wants = (struct wants){ 0 };
}

static bool find(const struct wants *wants, struct span name, size_t *at_out)
{
	for (size_t i = 0; i < wants->count; i++) {
		if (!span_is(name, wants->names[i]))
			continue;
		*at_out = i;
		return true;
	}
	return false;
}

bool wants_has(const struct wants *wants, struct span name)
{
	size_t ignored;

	return find(wants, name, &ignored);
}

void wants_add(struct wants *wants, const char *name)
{
	if (wants_has(wants, span_of(name)))
		return;
	wants->names = must_resize(wants->names, wants->count + 1, sizeof(*wants->names));
	snprintf(wants->names[wants->count++], LINK_WORK_NAME_MAX, "%s", name);
}

bool wants_remove(struct wants *wants, struct span name)
{
	size_t at;

	if (!find(wants, name, &at))
		return false;
	memmove(wants->names[at], wants->names[--wants->count], sizeof(wants->names[at]));
	return true;
}

static bool all_flushes(struct wants *wants, const struct wants_place *place,
			struct err *err)
{
	struct parked_smarthosts all;

	if (!parked_smarthosts(place->root_fd, &all, err))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (has_mail(place->root_fd, all.names[i], true))
			wants_add(wants, all.names[i]);
	parked_smarthosts_clear(&all);
	return true;
}

/* A name that has a Maildir, or could have one. */
static bool one_flush(struct wants *wants, const struct wants_place *place,
		      const char *name, struct err *err)
{
	struct smarthost smarthost;

	if (has_mail(place->root_fd, name, true)) {
		wants_add(wants, name);
		return true;
	}
	if (!smarthost_load(place->control_fd, place->settings, name, &smarthost, err))
		return false;
	smarthost_clear(&smarthost);
	return true;
}

static bool all_pickups(struct wants *wants, const struct wants_place *place,
			struct err *err)
{
	char label[LINK_WORK_NAME_MAX];
	struct settings_list names;

	if (!smarthost_names(place->control_fd, "pickups", &names, err))
		return false;
	for (size_t i = 0; i < names.count; i++)
		wants_add(wants, link_pickup_label(names.lines[i], label));
	settings_list_clear(&names);
	return true;
}

static bool one_pickup(struct wants *wants, const struct wants_place *place,
		       const char *name, struct err *err)
{
	char label[LINK_WORK_NAME_MAX];
	struct pickup pickup;

	if (!pickup_load(place->control_fd, name, &pickup, err))
		return false;
	pickup_clear(&pickup);
	wants_add(wants, link_pickup_label(name, label));
	return true;
}

typedef bool one_wanted(struct wants *wants, const struct wants_place *place,
			const char *name, struct err *err);

static bool named(struct wants *wants, const struct wants_place *place, struct span names,
		  one_wanted *one, struct err *err)
{
	struct span line;
	char name[SMARTHOST_NAME_MAX];
	bool found = true;

	while (found && span_cut(&names, '\n', &line)) {
		if (!line.len)
			continue;
		if (!packet_text_copy(line, name, sizeof(name)) ||
		    !smarthost_name_is_valid(name))
			found = err_exit(err, EX_NOINPUT, "no smarthost or pickup %.*s",
					 SPAN_ARG(line));
		else
			found = one(wants, place, name, err);
	}
	if (!found)
		wants_clear(wants);
	return found;
}

bool wants_flushes(struct wants *wants, const struct wants_place *place,
		   struct span names, struct err *err)
{
	return names.len ? named(wants, place, names, one_flush, err)
			 : all_flushes(wants, place, err);
}

bool wants_pickups(struct wants *wants, const struct wants_place *place,
		   struct span names, struct err *err)
{
	return names.len ? named(wants, place, names, one_pickup, err)
			 : all_pickups(wants, place, err);
}
