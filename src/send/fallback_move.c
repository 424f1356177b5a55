#include "send/fallback_move.h"

#include "base/clock.h"
#include "base/log.h"
#include "link/fallback.h"

#define TRY_AGAIN_S 900 /* one that could not be reached is tried for new mail */

/* What is too large for the second one has nowhere else to go. */
static bool may_move(const struct parked_name *name, uint64_t maxsize)
{
	return name->state == PARKED_WAITING && (!maxsize || name->wire_bytes <= maxsize);
}

static bool move_to(struct outbound *outbound, const char *target, uint64_t maxsize,
		    size_t *moved_out, struct err *err)
{
	struct parked *parked = parked_open(outbound->root_fd, target, true, err);
	struct parked_list list = { .count = 0 };
	bool done = parked && parked_list(outbound->parked, &list, err);

	*moved_out = 0;
	for (size_t i = 0; done && i < list.count; i++) {
		if (!may_move(&list.names[i], maxsize))
			continue;
		done = parked_move(outbound->parked, &list.names[i], parked, err);
		*moved_out += done;
	}
	parked_list_clear(&list);
	parked_close(parked);
	return done;
}

static const char *why(const struct outbound *outbound)
{
	if (fallback_is_cut_off(outbound->root_fd, outbound->control_fd,
				outbound->smarthost.name))
		return "no link that is up leads there";
	return outbound->why.kind == ERR_NONE ? outbound->note.last_error
					      : outbound->why.text;
}

static void move_all(const struct fallback_move *move, const char *target)
{
	struct outbound *outbound = move->outbound;
	struct smarthost second;
	struct err err = { 0 };
	size_t count = 0;

	if (!smarthost_load(outbound->control_fd, &outbound->settings, target, &second,
			    &err)) {
		log_failure(&err);
		return;
	}
	if (!move_to(outbound, target, second.maxsize, &count, &err))
		log_failure(&err);
	smarthost_clear(&second);
	if (!count)
		return;
	log_warning("fallback from=%s to=%s messages=%zu reason=%s",
		    outbound->smarthost.name, target, count, why(outbound));
	move->moved(move->ctx, target);
}

static bool find(const struct outbound *outbound, char target_out[SMARTHOST_NAME_MAX])
{
	return fallback_stands_in(outbound->root_fd, outbound->control_fd,
				  &outbound->settings, outbound->smarthost.name,
				  target_out);
}

/* Nothing asks for another try now. */
static bool is_left_alone(const struct fallback_move *move)
{
	const struct outbound *outbound = move->outbound;
	const struct smarthost_note *note = &outbound->note;
	int64_t ago = move->began - note->last_try;

	return smarthost_is_stopped(outbound->root_fd, outbound->control_fd,
				    outbound->smarthost.name, NULL) ||
	       (ago >= 0 && ago < TRY_AGAIN_S && move->link_since <= note->last_try) ||
	       fallback_is_cut_off(outbound->root_fd, outbound->control_fd,
				   outbound->smarthost.name);
}

bool fallback_instead(const struct fallback_move *move)
{
	char target[SMARTHOST_NAME_MAX];

	if (!move->outbound->smarthost.fallback || !is_left_alone(move) ||
	    !find(move->outbound, target))
		return false;
	move_all(move, target);
	return true;
}

void fallback_afterwards(const struct fallback_move *move)
{
	struct outbound *outbound = move->outbound;
	struct smarthost_note *note = &outbound->note;
	char target[SMARTHOST_NAME_MAX];
	struct err err;

	if (!outbound->smarthost.fallback || note->last_try < move->began)
		return;
	if (move->was_connected)
		note->failures = 0;
	else if (move->was_lost)
		note->failures++;
	if (!smarthost_note_write(outbound->root_fd, outbound->smarthost.name, note,
				  &err))
		log_failure(&err);
	if (find(outbound, target))
		move_all(move, target);
}
