/*
 * When a stop ends.
 *
 * By its time: the server said how long, or the usual wait of its scope, which grows with
 * each refusal in a row. A time that lies before the clock's present reading is over; so
 * is one that was set by a clock which has been set back since, as far as that shows
 * (now < since): a try too many is cheaper than mail that waits for years.
 *
 * By a link-up: what a server refuses may be the fault of the address, the provider or
 * the portal that the last link led to. The link's own `since` is compared, not the
 * clock, so that a link which came up before the clock was set counts as well. A login
 * and an account are the same over every link, and are asked too often if each flap of a
 * bad line asks: they keep their time.
 *
 * By a changed file: a person who edits a password or a host wants to see it work. The
 * quota of an account is not in our files.
 *
 * By the clock: a certificate that is "not yet valid" in 1970 is tried when it is not
 * 1970 any more.
 *
 * The stop of one letter ends by a person only: the gateway has tried all it knows.
 */
#include "link/stops.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "link/allowance.h"

static bool is_scope(const struct stop *stop, const char *scope)
{
	return strcmp(stop->scope, scope) == 0;
}

static bool is_letter(const struct stop *stop)
{
	return is_scope(stop, "person") && stop->key[0];
}

bool stop_is_only_counted(const struct stop *stop)
{
	return is_scope(stop, "suspect") || is_scope(stop, "unclear");
}

bool stop_is_whole(const struct stop *stop)
{
	return !stop->key[0] && !is_scope(stop, "sender");
}

void stops_clear(struct stops *stops)
{
	free(stops->items);
	*stops = (struct stops){ 0 };
}

/* Addresses are compared as far as a key has room, without case. */
static bool is_same(const struct stop *stop, const char *scope, const char *key)
{
	return is_scope(stop, scope) &&
	       strncasecmp(stop->key, key, sizeof(stop->key) - 1) == 0;
}

static struct stop *find_whole(const struct stops *stops)
{
	for (size_t i = 0; i < stops->count; i++)
		if (stop_is_whole(&stops->items[i]))
			return &stops->items[i];
	return NULL;
}

static struct stop *find(const struct stops *stops, const char *scope, const char *key)
{
	for (size_t i = 0; i < stops->count; i++)
		if (is_same(&stops->items[i], scope, key))
			return &stops->items[i];
	return NULL;
}

const struct stop *stops_smarthost(const struct stops *stops)
{
	return find_whole(stops);
}

const struct stop *stops_find(const struct stops *stops, const char *scope,
			      const char *key)
{
	return find(stops, scope, key);
}

static void drop(struct stops *stops, struct stop *stop)
{
	size_t after = (size_t)(stops->items + stops->count - stop) - 1;

	memmove(stop, stop + 1, after * sizeof(*stop));
	stops->count--;
}

/* Room for one more sender or letter: the oldest gives way. */
static void make_room(struct stops *stops)
{
	struct stop *oldest = NULL;
	size_t count = 0;

	for (size_t i = 0; i < stops->count; i++) {
		struct stop *at = &stops->items[i];

		if (stop_is_whole(at))
			continue;
		count++;
		if (!oldest || at->since < oldest->since)
			oldest = at;
	}
	if (oldest && count >= STOPS_MAX)
		drop(stops, oldest);
}

static struct stop *add(struct stops *stops, bool is_whole)
{
	if (!is_whole)
		make_room(stops);
	stops->items = must_resize(stops->items, stops->count + 1, sizeof(*stops->items));
	stops->items[stops->count] = (struct stop){ 0 };
	return &stops->items[stops->count++];
}

static struct stop *find_same(const struct stops *stops, const struct stop *stop)
{
	return stop_is_whole(stop) ? find_whole(stops)
				   : find(stops, stop->scope, stop->key);
}

void stops_replace(struct stops *stops, const struct stop *stop)
{
	struct stop *at = find_same(stops, stop);

	if (!at)
		at = add(stops, stop_is_whole(stop));
	*at = *stop;
}

void stops_put(struct stops *stops, const struct stop *stop)
{
	const struct stop *at = find_same(stops, stop);
	struct stop put = *stop;

	put.times = 1;
	if (at && is_scope(at, stop->scope)) {
		put.times = at->times + 1;
		put.since = at->since;
		put.told = at->told;
	}
	if (!put.until && !is_letter(&put))
		put.until = stop->since + stop_usual_wait_s(put.scope, put.times);
	stops_replace(stops, &put);
}

void stops_remove(struct stops *stops, const char *scope, const char *key)
{
	struct stop *at = find(stops, scope, key);

	if (at)
		drop(stops, at);
}

void stops_end(struct stops *stops, int64_t now)
{
	for (size_t i = 0; i < stops->count; i++) {
		struct stop *at = &stops->items[i];

		if (!is_letter(at) && (!at->until || at->until > now))
			at->until = now;
	}
}

bool stops_forgive(int root_fd, const char *smarthost, struct err *err)
{
	struct stops stops;
	bool done = true;

	stops_read(root_fd, smarthost, &stops);
	if (stops.count) {
		stops_end(&stops, clock_wall_s());
		done = stops_write(root_fd, smarthost, &stops, err);
	}
	stops_clear(&stops);
	return done;
}

bool stops_forget_letter(int root_fd, const char *smarthost, const char *id,
			 struct err *err)
{
	struct stops stops;
	bool done = true;

	stops_read(root_fd, smarthost, &stops);
	if (stops_find(&stops, "person", id)) {
		stops_remove(&stops, "person", id);
		done = stops_write(root_fd, smarthost, &stops, err);
	}
	stops_clear(&stops);
	return done;
}

/* The usual waits: the first, each further one so many times longer, and the longest. */
static const struct wait {
	const char *scope;
	uint32_t first_s, factor, most_s;
} waits[] = {
	{ "session", 5, 2, 900 },
	/* A portal, a lying name server or a clock is put right without a link-up. */
	{ "network", 60, 2, 900 },
	{ "clock", 60, 2, 900 },
	/* Seldom enough that no account locks. */
	{ "login", 900, 4, 14400 },
	{ "account", 3600, 2, 86400 },
};
static const struct wait any_wait = { "", 900, 2, 14400 };

uint32_t stop_usual_wait_s(const char *scope, uint64_t times)
{
	const struct wait *wait = &any_wait;
	uint32_t seconds;

	for (size_t i = 0; i < LENGTH(waits); i++)
		if (strcmp(waits[i].scope, scope) == 0)
			wait = &waits[i];
	seconds = wait->first_s;
	for (uint64_t i = 1; i < times && seconds < wait->most_s; i++)
		seconds *= wait->factor;
	return seconds < wait->most_s ? seconds : wait->most_s;
}

/* Its server or provider is the same over every link. */
static bool keeps_its_time(const struct stop *stop)
{
	return is_scope(stop, "account") || is_scope(stop, "login");
}

static bool is_over(const struct stop *stop, int64_t now)
{
	return stop->until && (now >= stop->until || now < stop->since);
}

bool stop_ends_with_link(const struct stop *stop, int64_t now)
{
	return !is_letter(stop) && !(keeps_its_time(stop) && stop->until > now);
}

bool stop_holds(const struct stop *stop, const struct stops_now *now)
{
	if (is_letter(stop))
		return true;
	if (stop_is_only_counted(stop))
		return false;
	if (is_over(stop, now->now) || (is_scope(stop, "clock") && now->clock_is_right))
		return false;
	if (stop->files && now->files > stop->files && !is_scope(stop, "account"))
		return false;
	return !now->link_since || now->link_since == stop->link_since ||
	       !stop_ends_with_link(stop, now->now);
}

int64_t stop_ends(const struct stop *stop)
{
	return stop->until;
}

const struct stop *stops_keeping(const struct stops *stops, const struct stops_now *now,
				 const char *sender, const char *id, bool is_held)
{
	const struct stop *whole = find_whole(stops), *stop;

	if (is_held)
		return find(stops, "person", id);
	if (whole && stop_holds(whole, now))
		return whole;
	stop = find(stops, "sender", sender);
	if (!stop || !stop_holds(stop, now))
		stop = find(stops, "place", id);
	return stop && stop_holds(stop, now) ? stop : NULL;
}

struct stops_now stops_now_of(int root_fd, int control_fd, const char *smarthost,
			      int64_t link_since)
{
	int64_t now = clock_wall_s();

	return (struct stops_now){ .now = now,
				   .link_since = link_since,
				   .files = stops_fingerprint(control_fd, smarthost),
				   .clock_is_right = !clock_in_doubt(root_fd) };
}

bool smarthost_is_stopped(int root_fd, int control_fd, const char *smarthost,
			  struct stop *stop_out)
{
	const struct stop *stop;
	struct stops stops;
	bool holds = false;

	stops_read(root_fd, smarthost, &stops);
	stop = stops_smarthost(&stops);
	if (stop) {
		struct link_choice choice;
		struct stops_now now;

		(void)link_choose(root_fd, control_fd, LINK_FOR_SMARTHOST, smarthost,
				  clock_wall_s(), &choice);
		now = stops_now_of(root_fd, control_fd, smarthost,
				   choice.up ? choice.link.since : 0);
		holds = stop_holds(stop, &now);
	}
	if (holds && stop_out)
		*stop_out = *stop;
	stops_clear(&stops);
	return holds;
}
