#include "report/logins.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "control/smarthost.h"
#include "report/json.h"

bool login_statuses(int root_fd, int control_fd, struct login_status **logins_out,
		    size_t *count_out, struct err *err)
{
	struct settings_list names;

	*logins_out = NULL;
	*count_out = 0;
	if (!smarthost_names(control_fd, "logins", &names, err))
		return false;
	*logins_out = must_alloc((names.count + 1) * sizeof(**logins_out));
	for (size_t i = 0; i < names.count; i++) {
		struct login_status *one = &(*logins_out)[(*count_out)++];

		one->name = must_copy(names.lines[i]);
		login_note_read(root_fd, one->name, &one->note);
	}
	settings_list_clear(&names);
	return true;
}

void login_statuses_free(struct login_status *logins, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(logins[i].name);
	free(logins);
}

const char *login_status_state(const struct login_status *login)
{
	if (!login->note.granted)
		return "none";
	if (login->note.refused ||
	    (login->note.dies && login->note.dies < clock_wall_s()))
		return "ended";
	return login_note_warns(&login->note, clock_wall_s()) ? "ends" : "ok";
}

json_t *login_status_json(const struct login_status *login)
{
	const struct login_note *note = &login->note;

	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "name",
			 report_text(login->name), "state", login_status_state(login),
			 "granted", report_when(note->granted), "last_ok",
			 report_when(note->used), "ends", report_when(note->dies),
			 "last_error", report_words(note->last_error));
}

void login_status_print(const struct login_status *login, FILE *to)
{
	const char *state = login_status_state(login);
	char when[CLOCK_TEXT_MAX];

	if (strcmp(state, "ok") == 0)
		return;
	fprintf(to, "login %-10s", login->name);
	if (strcmp(state, "none") == 0)
		fprintf(to, " nobody has logged in");
	else if (strcmp(state, "ended") == 0)
		fprintf(to, " has ended");
	else
		fprintf(to, " ends %s", clock_format_rfc3339(login->note.dies, when));
	fprintf(to, ": run `lontar login %s`\n", login->name);
}
