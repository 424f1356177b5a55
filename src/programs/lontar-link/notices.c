#include "programs/lontar-link/notices.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/smarthost.h"
#include "link/allowance.h"
#include "link/notes.h"
#include "link/order.h"
#include "link/stops.h"
#include "report/stop_letter.h"
#include "store/parked.h"

#define SOON_S 2.
#define LOOK_S 300.

struct due {
	uint64_t link_up_s;
	uint64_t delaynotice_s;
	const struct allowance *allowance; /* of the link that serves it best */
	bool found;
};

/* Or one whose count has to begin. */
static bool look_at(void *ctx, const struct parked_name *name)
{
	struct due *due = ctx;

	due->found = !name->told && name->state != PARKED_SENDING &&
		     (link_calls_are_short(due->allowance, name) || !name->link_up_s ||
		      name->link_up_s > due->link_up_s ||
		      order_waited_s(name, due->link_up_s) >= due->delaynotice_s);
	return !due->found;
}

static bool has_due(const struct notices *notices, const char *smarthost)
{
	struct link_choice choice;
	struct due due = { .link_up_s = link_up_seconds(notices->root_fd),
			   .delaynotice_s = notices->settings->delaynotice_s,
			   .allowance = &choice.allowance };
	struct err ignored;
	struct parked *parked = parked_open(notices->root_fd, smarthost, false, &ignored);

	(void)link_choose(notices->root_fd, notices->control_fd, LINK_FOR_SMARTHOST,
			  smarthost, clock_wall_s(), &choice);
	if (!choice.up)
		(void)link_outlook(notices->root_fd, notices->control_fd,
				   LINK_FOR_SMARTHOST, smarthost, clock_wall_s(),
				   &choice);

	if (parked && due.delaynotice_s && due.link_up_s)
		(void)!parked_each(parked, look_at, &due, &ignored);
	parked_close(parked);
	return due.found;
}

/* A stop that the postmaster has to know of (report/stop_letter.h). */
static bool has_untold(const struct notices *notices, const char *smarthost)
{
	struct smarthost_note note;
	struct stops stops;
	bool found = false;

	stops_read(notices->root_fd, smarthost, &stops);
	if (stops.count)
		smarthost_note_read(notices->root_fd, smarthost, &note);
	for (size_t i = 0; !found && i < stops.count; i++)
		found = stop_is_to_be_told(&stops.items[i], note.last_success != 0,
					   clock_wall_s());
	stops_clear(&stops);
	return found;
}

/* Nothing is said on the socket; the master wants one. */
static void start(const struct notices *notices, const char *role, const char *name)
{
	struct err err;
	int pair[2];

	if (!file_socketpair(pair, &err)) {
		log_failure(&err);
		return;
	}
	service_start(notices->service, role, name, pair[1]);
	file_close(&pair[0]);
}

/* Of logins that end soon, perhaps because nobody has used them for long. */
static void warn(const struct notices *notices)
{
	struct settings_list logins;
	struct login_note note;
	struct err err;

	if (!smarthost_names(notices->control_fd, "logins", &logins, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < logins.count; i++) {
		login_note_read(notices->root_fd, logins.lines[i], &note);
		if (!note.warned && login_note_warns(&note, clock_wall_s()))
			start(notices, "warning", logins.lines[i]);
	}
	settings_list_clear(&logins);
}

static void on_look(struct ev_loop *loop, ev_timer *watcher, int events)
{
	const struct notices *notices = watcher->data;
	struct parked_smarthosts all;
	struct err err;

	(void)loop;
	(void)events;
	if (!parked_smarthosts(notices->root_fd, &all, &err)) {
		log_failure(&err);
		return;
	}
	for (size_t i = 0; i < all.count; i++)
		if (smarthost_name_is_valid(all.names[i]) &&
		    (has_due(notices, all.names[i]) || has_untold(notices, all.names[i])))
			start(notices, "notices", all.names[i]);
	parked_smarthosts_clear(&all);
	warn(notices);
}

void notices_start(struct notices *notices)
{
	ev_timer_init(&notices->look, on_look, LOOK_S, LOOK_S);
	ev_timer_init(&notices->stops, on_look, 0., 0.);
	notices->look.data = notices->stops.data = notices;
	ev_timer_start(notices->service->loop, &notices->look);
}

void notices_soon(struct notices *notices)
{
	ev_timer_stop(notices->service->loop, &notices->look);
	ev_timer_set(&notices->look, SOON_S, LOOK_S);
	ev_timer_start(notices->service->loop, &notices->look);
}

void notices_stops(struct notices *notices)
{
	if (ev_is_active(&notices->stops))
		return;
	ev_timer_set(&notices->stops, STOP_NEWS_S + 1, 0.);
	ev_timer_start(notices->service->loop, &notices->stops);
}
