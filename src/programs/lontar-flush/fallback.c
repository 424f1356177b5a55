#include "programs/lontar-flush/fallback.h"

#include "base/clock.h"
#include "base/log.h"
#include "link/fallback.h"
#include "programs/lontar-flush/boss.h"

#define TRY_AGAIN_S 900 /* one that could not be reached: who parks mail has a try */

/* What is too large for the second one has nowhere else to go. */
static bool may_move(const struct parked_name *name, uint64_t maxsize)
{
	return name->state == PARKED_WAITING && (!maxsize || name->wire_bytes <= maxsize);
}

static bool move_to(struct flush *flush, const char *target, uint64_t maxsize,
		    size_t *moved_out, struct err *err)
{
	struct parked *parked = parked_open(flush->root_fd, target, true, err);
	struct parked_list list = { .count = 0 };
	bool done = parked && parked_list(flush->parked, &list, err);

	*moved_out = 0;
	for (size_t i = 0; done && i < list.count; i++) {
		if (!may_move(&list.names[i], maxsize))
			continue;
		done = parked_move(flush->parked, &list.names[i], parked, err);
		*moved_out += done;
	}
	parked_list_clear(&list);
	parked_close(parked);
	return done;
}

static const char *why(const struct flush *flush)
{
	if (fallback_is_cut_off(flush->root_fd, flush->control_fd, flush->smarthost.name))
		return "no link that is up leads there";
	return flush->why.kind == ERR_NONE ? flush->note.last_error : flush->why.text;
}

static void move_all(struct flush *flush, const char *target)
{
	struct smarthost second;
	struct err err = { 0 };
	size_t moved = 0;

	if (!smarthost_load(flush->control_fd, &flush->settings, target, &second, &err)) {
		log_failure(&err);
		return;
	}
	if (!move_to(flush, target, second.maxsize, &moved, &err))
		log_failure(&err);
	smarthost_clear(&second);
	if (!moved)
		return;
	log_warning("fallback from=%s to=%s messages=%zu reason=%s",
		    flush->smarthost.name, target, moved, why(flush));
	boss_tell_moved(flush, target);
}

static bool find(const struct flush *flush, char target_out[SMARTHOST_NAME_MAX])
{
	return fallback_stands_in(flush->root_fd, flush->control_fd, &flush->settings,
				  flush->smarthost.name, target_out);
}

/* Nobody wants it tried now. */
static bool is_left_alone(const struct flush *flush)
{
	const struct smarthost_note *note = &flush->note;
	int64_t ago = flush->call_began - note->last_try;

	return smarthost_is_stopped(flush->root_fd, flush->control_fd,
				    flush->smarthost.name, NULL) ||
	       (ago >= 0 && ago < TRY_AGAIN_S &&
		flush->lanes.link.since <= note->last_try) ||
	       fallback_is_cut_off(flush->root_fd, flush->control_fd,
				   flush->smarthost.name);
}

bool fallback_instead(struct flush *flush)
{
	char target[SMARTHOST_NAME_MAX];

	if (flush->alone || !flush->smarthost.fallback || !is_left_alone(flush) ||
	    !find(flush, target))
		return false;
	move_all(flush, target);
	return true;
}

void fallback_afterwards(struct flush *flush)
{
	struct smarthost_note *note = &flush->note;
	char target[SMARTHOST_NAME_MAX];
	struct err err;

	if (!flush->smarthost.fallback || note->last_try < flush->call_began)
		return;
	if (flush->connected)
		note->failures = 0;
	else if (flush->lost && !flush->stopping)
		note->failures++;
	if (!smarthost_note_write(flush->root_fd, flush->smarthost.name, note, &err))
		log_failure(&err);
	if (find(flush, target))
		move_all(flush, target);
}
