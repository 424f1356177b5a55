#include "programs/lontar-flush/hold.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "programs/lontar-flush/flush.h"
#include "programs/lontar-flush/stops_tell.h"

/* A login that has ended comes as EX_NOPERM from its command (ipc/token.h). */
static const char *scope_of(const struct err *why)
{
	if (why->exit_code == EX_NOPERM || strcmp(why->status, "5.7.8") == 0)
		return "login";
	return strstr(why->text, "certificate") ? "certificate" : "place";
}

static void put(struct flush *flush, struct stops *stops)
{
	const char *name = parked_smarthost(flush->parked);
	struct stop stop = {
		.since = clock_wall_s(),
		.link_since = flush->lanes.link.since,
		.files = stops_fingerprint(flush->control_fd, name),
	};

	snprintf(stop.scope, sizeof(stop.scope), "%s", scope_of(&flush->why));
	snprintf(stop.reason, sizeof(stop.reason), "%s", flush->why.text);
	stops_put(stops, &stop);
}

static bool take_away(struct stops *stops)
{
	const struct stop *stop = stops_smarthost(stops);

	if (stop)
		stops_remove(stops, stop->scope, stop->key);
	return stop != NULL;
}

void hold_note(struct flush *flush)
{
	const char *name = parked_smarthost(flush->parked);
	bool changed = flush->held, noted = true;
	struct stops stops;
	struct err err;

	stops_read(flush->root_fd, name, &stops);
	if (flush->held)
		put(flush, &stops);
	else if (flush->connected)
		changed = take_away(&stops);
	if (changed)
		noted = stops_write(flush->root_fd, name, &stops, &err);
	if (!noted || !stops_tell(flush->root_fd, &flush->settings, name, &stops,
				  clock_wall_s(), &err))
		log_failure(&err);
	stops_clear(&stops);
}
