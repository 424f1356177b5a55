#include "report/status.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/number.h"
#include "control/smarthost.h"
#include "link/call.h"
#include "report/json.h"
#include "report/large.h"
#include "report/stop_text.h"

static bool read_maildir(int root_fd, const char *smarthost, struct parked_list *list_out,
			 struct err *err)
{
	struct parked *parked = parked_open(root_fd, smarthost, false, err);
	bool listed;

	if (!parked) {
		if (err->exit_code != EX_NOINPUT)
			return false;
		*err = (struct err){ 0 };
		return true;
	}
	listed = parked_list(parked, list_out, err);
	parked_close(parked);
	return listed;
}

static void count_one(struct smarthost_status *status, const struct parked_name *name,
		      int64_t now)
{
	int64_t age = now - parked_name_time(name);

	status->messages++;
	status->bytes += name->wire_bytes;
	status->held += name->state == PARKED_HELD;
	status->uncertain += name->state == PARKED_UNCERTAIN;
	status->sending += name->state == PARKED_SENDING;
	if (age < 0)
		age = 0;
	if (age > status->oldest_s)
		status->oldest_s = age;
}

struct stops_now smarthost_status_now(int root_fd, int control_fd,
				      const struct smarthost_status *status)
{
	return stops_now_of(root_fd, control_fd, status->name,
			    status->link_up ? status->link.since : 0);
}

static void read_stops(int root_fd, int control_fd, struct smarthost_status *status)
{
	const struct stop *whole;
	struct stops_now now;
	struct stops stops;

	stops_read(root_fd, status->name, &stops);
	if (!stops.count)
		return;
	now = smarthost_status_now(root_fd, control_fd, status);
	whole = stops_smarthost(&stops);
	if (whole && stop_holds(whole, &now))
		status->stop = *whole;
	for (size_t i = 0; i < stops.count; i++)
		status->stopped_senders += strcmp(stops.items[i].scope, "sender") == 0 &&
					   stop_holds(&stops.items[i], &now);
	stops_clear(&stops);
}

bool smarthost_status_read(int root_fd, int control_fd, const char *smarthost,
			   struct smarthost_status *status_out,
			   struct parked_list *list_out, struct err *err)
{
	int64_t now = clock_wall_s();
	struct link_choice choice;
	struct call_note call;

	*status_out = (struct smarthost_status){ .oldest_s = -1 };
	*list_out = (struct parked_list){ 0 };
	snprintf(status_out->name, sizeof(status_out->name), "%s", smarthost);
	if (!read_maildir(root_fd, smarthost, list_out, err))
		return false;
	for (size_t i = 0; i < list_out->count; i++)
		count_one(status_out, &list_out->names[i], now);
	(void)link_choose(root_fd, control_fd, LINK_FOR_SMARTHOST, smarthost, now,
			  &choice);
	status_out->link_up = choice.up;
	if (!choice.up && link_outlook(root_fd, control_fd, LINK_FOR_SMARTHOST, smarthost,
				       now, &choice)) {
		call_note_read(root_fd, choice.link.name, &call);
		status_out->next_call = call.next > now ? call.next : 0;
	}
	status_out->link = choice.link;
	status_out->allowance = choice.allowance;
	smarthost_note_read(root_fd, smarthost, &status_out->note);
	read_stops(root_fd, control_fd, status_out);
	return true;
}

const char *smarthost_status_state(const struct smarthost_status *status)
{
	if (status->stop.scope[0])
		return "stopped";
	if (status->sending)
		return "sending";
	return status->messages ? "waiting" : "empty";
}

static int by_text(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static void list_add(struct settings_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->lines[i], name) == 0)
			return;
	list->lines = must_resize(list->lines, list->count + 1, sizeof(*list->lines));
	list->lines[list->count++] = must_copy(name);
}

bool status_smarthosts(int root_fd, int control_fd, struct settings_list *names_out,
		       struct err *err)
{
	struct parked_smarthosts parked = { 0 };

	*names_out = (struct settings_list){ 0 };
	if (!smarthost_names(control_fd, "smarthosts", names_out, err) ||
	    !parked_smarthosts(root_fd, &parked, err)) {
		settings_list_clear(names_out);
		return false;
	}
	for (size_t i = 0; i < parked.count; i++)
		list_add(names_out, parked.names[i]);
	parked_smarthosts_clear(&parked);
	if (names_out->count)
		qsort(names_out->lines, names_out->count, sizeof(*names_out->lines),
		      by_text);
	return true;
}

static bool read_smarthosts(int root_fd, int control_fd, struct status *status,
			    struct err *err)
{
	struct settings_list names;

	if (!status_smarthosts(root_fd, control_fd, &names, err))
		return false;
	status->smarthosts = must_alloc((names.count + 1) * sizeof(*status->smarthosts));
	for (size_t i = 0; i < names.count; i++) {
		struct smarthost_status *one =
			&status->smarthosts[status->smarthost_count];
		struct parked_list list;
		bool read = smarthost_status_read(root_fd, control_fd, names.lines[i],
						  one, &list, err);

		parked_list_clear(&list);
		if (!read) {
			settings_list_clear(&names);
			return false;
		}
		/* lontar-deliver's own folder is of interest only while it works. */
		if (one->messages || strcmp(one->name, "local") != 0)
			status->smarthost_count++;
	}
	settings_list_clear(&names);
	return true;
}

static bool read_pickups(int root_fd, int control_fd, struct status *status,
			 struct err *err)
{
	struct settings_list names;
	bool read = true;

	if (!smarthost_names(control_fd, "pickups", &names, err))
		return false;
	status->pickups = must_alloc((names.count + 1) * sizeof(*status->pickups));
	for (size_t i = 0; read && i < names.count; i++) {
		struct pickup_status *one = &status->pickups[status->pickup_count++];

		one->name = must_copy(names.lines[i]);
		pickup_note_read(root_fd, one->name, &one->note);
		read = large_list(root_fd, one->name, &one->larges, &one->large_count,
				  err);
	}
	settings_list_clear(&names);
	return read;
}

bool status_read(int root_fd, int control_fd, struct status *status_out, struct err *err)
{
	struct settings settings = { 0 };

	*status_out = (struct status){ 0 };
	if (!settings_load(control_fd, &settings, err))
		return false;
	status_out->me = must_copy(settings.me);
	settings_clear(&settings);
	return link_statuses(root_fd, control_fd, &status_out->links,
			     &status_out->link_count, err) &&
	       read_smarthosts(root_fd, control_fd, status_out, err) &&
	       read_pickups(root_fd, control_fd, status_out, err) &&
	       login_statuses(root_fd, control_fd, &status_out->logins,
			      &status_out->login_count, err);
}

void status_clear(struct status *status)
{
	free(status->me);
	link_statuses_free(status->links, status->link_count);
	free(status->smarthosts);
	for (size_t i = 0; i < status->pickup_count; i++) {
		free(status->pickups[i].name);
		free(status->pickups[i].larges);
	}
	free(status->pickups);
	login_statuses_free(status->logins, status->login_count);
	*status = (struct status){ 0 };
}

static json_t *smarthost_json(const struct smarthost_status *one)
{
	const struct stop *stop = &one->stop;
	bool is_stopped = stop->scope[0] != '\0';

	return json_pack(
		"{s:o, s:I, s:I, s:I, s:I, s:o, s:s, s:o, s:o, s:o, s:o}", "smarthost",
		report_text(one->name), "messages", (json_int_t)one->messages, "bytes",
		(json_int_t)one->bytes, "held", (json_int_t)one->held, "uncertain",
		(json_int_t)one->uncertain, "oldest_s", report_count(one->oldest_s),
		"state", smarthost_status_state(one), "scope",
		report_words(stop_scope(stop)), "until",
		report_when(is_stopped ? stop_ends(stop) : 0), "mend",
		report_words(is_stopped ? stop_mend(stop) : ""), "last_error",
		report_words(is_stopped ? stop->reason : one->note.last_error));
}

static json_t *pickup_json(const struct pickup_status *one)
{
	const struct pickup_note *note = &one->note;

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", report_text(one->name),
		"waiting", report_count(note->counted ? (int64_t)note->waiting : -1),
		"bytes", report_count(note->counted ? (int64_t)note->bytes : -1), "held",
		report_count(note->counted ? (int64_t)note->held : -1), "held_messages",
		report_large_json(one->larges, one->large_count), "last_ok",
		report_when(note->last_success), "last_error",
		report_words(note->last_error));
}

json_t *status_json(const struct status *status)
{
	json_t *links = json_array(), *parked = json_array(), *pickups = json_array();
	json_t *logins = json_array();

	for (size_t i = 0; i < status->link_count; i++)
		json_array_append_new(links, link_status_json(&status->links[i]));
	for (size_t i = 0; i < status->smarthost_count; i++)
		json_array_append_new(parked, smarthost_json(&status->smarthosts[i]));
	for (size_t i = 0; i < status->pickup_count; i++)
		json_array_append_new(pickups, pickup_json(&status->pickups[i]));
	for (size_t i = 0; i < status->login_count; i++)
		json_array_append_new(logins, login_status_json(&status->logins[i]));
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "me", report_text(status->me),
			 "links", links, "parked", parked, "pickups", pickups, "logins",
			 logins);
}

bool status_print_json(const struct status *status, FILE *to, struct err *err)
{
	return report_print(status_json(status), to, err);
}

static void print_stop(const struct smarthost_status *one, FILE *to)
{
	const char *mend = stop_mend(&one->stop);
	char why[STOP_TEXT_MAX];

	stop_explain(&one->stop, clock_wall_s(), why);
	fprintf(to, "%-16s %s\n", "", why);
	fprintf(to, "%-16s %s%s`lontar flush %s` tries it at once.\n", "", mend,
		mend[0] ? " " : "", one->name);
}

static void print_smarthost(const struct smarthost_status *one, FILE *to)
{
	char bytes[NUMBER_TEXT_MAX], age[CLOCK_TEXT_MAX];

	fprintf(to, "%-16s %6" PRIu64 " %10s  %-8s", one->name, one->messages,
		number_format_bytes(one->bytes, bytes), smarthost_status_state(one));
	if (one->oldest_s >= 0)
		fprintf(to, "  oldest %s", clock_format_duration(one->oldest_s, age));
	if (one->messages)
		fprintf(to, "; %s%s", one->link_up ? "link up: " : "link down",
			one->link_up ? one->link.name : "");
	if (one->held)
		fprintf(to, "; %" PRIu64 " held", one->held);
	if (one->uncertain)
		fprintf(to, "; %" PRIu64 " uncertain", one->uncertain);
	if (one->stopped_senders)
		fprintf(to, "; %" PRIu64 " sender%s stopped", one->stopped_senders,
			one->stopped_senders == 1 ? "" : "s");
	fputc('\n', to);
	if (one->stop.scope[0])
		print_stop(one, to);
	else if (one->note.last_error[0])
		fprintf(to, "%-16s last error: %s\n", "", one->note.last_error);
}

static void print_pickup(const struct pickup_status *one, FILE *to)
{
	const struct pickup_note *note = &one->note;
	char bytes[NUMBER_TEXT_MAX], when[CLOCK_TEXT_MAX];

	fprintf(to, "pickup %-9s", one->name);
	if (note->counted)
		fprintf(to, " %6" PRIu64 " %10s", note->waiting,
			number_format_bytes(note->bytes, bytes));
	fprintf(to, "  last %s",
		note->last_success ? clock_format_rfc3339(note->last_success, when)
				   : "never");
	if (note->held)
		fprintf(to, "; %" PRIu64 " too large (lontar pickup --held)", note->held);
	fputc('\n', to);
	if (note->last_error[0])
		fprintf(to, "%-16s last error: %s\n", "", note->last_error);
}

void status_print(const struct status *status, FILE *to)
{
	char when[CLOCK_TEXT_MAX];

	fprintf(to, "%s\n\n", status->me);
	if (!status->link_count)
		fprintf(to, "No link has been up yet.\n");
	for (size_t i = 0; i < status->link_count; i++) {
		const struct link_status *link = &status->links[i];

		fprintf(to, "link %-11s %-4s%s%s", link->note.name,
			link_status_state(link), link->note.since ? "  since " : "",
			link->note.since ? clock_format_rfc3339(link->note.since, when)
					 : "");
		link_status_print(link, to);
	}
	fputc('\n', to);
	if (!status->smarthost_count)
		fprintf(to, "No smarthost is set, and nothing is parked.\n");
	for (size_t i = 0; i < status->smarthost_count; i++)
		print_smarthost(&status->smarthosts[i], to);
	for (size_t i = 0; i < status->pickup_count; i++)
		print_pickup(&status->pickups[i], to);
	for (size_t i = 0; i < status->login_count; i++)
		login_status_print(&status->logins[i], to);
}
