#include "report/page.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "control/routes.h"
#include "report/json.h"
#include "report/status.h"
#include "report/stop_text.h"

/* A pickup's `to` is an account without a domain. */
bool page_is_for(const struct settings *settings, const struct large *large,
		 const char *user)
{
	const char *at = strrchr(large->recipient, '@');
	size_t len = strlen(user);

	if (at && !routes_is_local(settings, at + 1))
		return false;
	return strncasecmp(large->recipient, user, len) == 0 &&
	       strchr("@-", large->recipient[len]) != NULL;
}

static json_t *large_json(const struct large *large)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:b}", "id", large->id,
			 "token", large->token, "from", report_words(large->from),
			 "subject", report_words(large->subject), "date",
			 report_words(large->date), "octets", (json_int_t)large->octets,
			 "cost", report_words(large->cost), "asked",
			 large->wish == LARGE_FETCH);
}

/* In words, which the status has in pieces. */
static json_t *stopped_json(const struct status *status)
{
	json_t *stopped = json_array();
	int64_t now = clock_wall_s();
	char why[STOP_TEXT_MAX];

	for (size_t i = 0; i < status->smarthost_count; i++) {
		const struct smarthost_status *one = &status->smarthosts[i];

		if (!one->stop.scope[0])
			continue;
		stop_explain(&one->stop, now, why);
		json_array_append_new(stopped,
				      json_pack("{s:o, s:o, s:o}", "smarthost",
						report_text(one->name), "why",
						report_text(why), "mend",
						report_words(stop_mend(&one->stop))));
	}
	return stopped;
}

bool page_print(int root_fd, int control_fd, const struct settings *settings,
		const char *user, FILE *to, struct err *err)
{
	json_t *shown = json_array(), *described, *stopped;
	struct large *larges;
	struct status status;
	size_t count;
	bool read;

	if (!large_list(root_fd, NULL, &larges, &count, err)) {
		json_decref(shown);
		return false;
	}
	for (size_t i = 0; i < count; i++)
		if (page_is_for(settings, &larges[i], user))
			json_array_append_new(shown, large_json(&larges[i]));
	free(larges);
	read = status_read(root_fd, control_fd, &status, err);
	described = read ? status_json(&status) : NULL;
	stopped = read ? stopped_json(&status) : NULL;
	status_clear(&status);
	if (!read) {
		json_decref(shown);
		return false;
	}
	return report_print(json_pack("{s:o, s:o, s:o}", "status", described, "stopped",
				      stopped, "large", shown),
			    to, err);
}
