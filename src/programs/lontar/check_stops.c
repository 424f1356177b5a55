/* What the gateway has stopped, and what it holds (link/stops.h). */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "programs/lontar/check.h"
#include "report/status.h"
#include "report/stop_text.h"

/* A letter that has gone or was let go is on record until the next flush. */
static bool is_held(const struct parked_list *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->names[i].id, id) == 0)
			return list->names[i].state == PARKED_HELD;
	return false;
}

static void tell_letter(struct check *check, const char *smarthost,
			const struct stop *stop)
{
	check_fault(check,
		    "spool/parked/%s: message %s is held: %s; `lontar release %s` sends "
		    "it, `lontar drop %s` returns it to its sender",
		    smarthost, stop->key, stop->reason, stop->key, stop->key);
}

/* What time and the next link-up cure is no fault. */
static void tell_stop(struct check *check, const char *smarthost, const struct stop *stop)
{
	bool is_sender = strcmp(stop->scope, "sender") == 0;
	const char *mend = stop_mend(stop);
	char why[STOP_TEXT_MAX], what[STOP_KEY_MAX + 40] = "";

	stop_explain(stop, clock_wall_s(), why);
	if (is_sender)
		snprintf(what, sizeof(what), ": mail from <%s>", stop->key);
	if (stop_needs_person(stop))
		check_fault(
			check,
			"smarthost %s%s is stopped: %s. %s%s`lontar flush %s` tries it at once",
			smarthost, what, why, mend, mend[0] ? " " : "", smarthost);
	else
		check_warning(
			check,
			"smarthost %s%s is stopped: %s. %s%s`lontar flush %s` tries it at "
			"once",
			smarthost, what, why, mend, mend[0] ? " " : "", smarthost);
}

static void check_smarthost(struct check *check, const char *name)
{
	struct smarthost_status status;
	struct parked_list list;
	struct stops_now now;
	struct stops stops;
	struct err err;

	stops_read(check->root_fd, name, &stops);
	if (!stops.count)
		return;
	if (!smarthost_status_read(check->root_fd, check->control_fd, name, &status,
				   &list, &err))
		check_fault_err(check, &err);
	now = smarthost_status_now(check->root_fd, check->control_fd, &status);
	for (size_t i = 0; i < stops.count; i++) {
		const struct stop *stop = &stops.items[i];

		if (strcmp(stop->scope, "person") == 0 && stop->key[0]) {
			if (is_held(&list, stop->key))
				tell_letter(check, name, stop);
		} else if (stop_holds(stop, &now)) {
			tell_stop(check, name, stop);
		}
	}
	parked_list_clear(&list);
	stops_clear(&stops);
}

void check_stops(struct check *check)
{
	struct settings_list names;
	struct err err;

	if (!status_smarthosts(check->root_fd, check->control_fd, &names, &err)) {
		check_fault_err(check, &err);
		return;
	}
	for (size_t i = 0; i < names.count; i++)
		check_smarthost(check, names.lines[i]);
	settings_list_clear(&names);
}
