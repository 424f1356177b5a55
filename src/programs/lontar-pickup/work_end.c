#include "programs/lontar-pickup/work_private.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

/* What stays at the provider for want of room is not all that was asked for. */
static void blame_limits(struct work *work)
{
	uint64_t kept = work->left.kept;
	struct err err = { 0 };

	if (!kept || work->state != WORK_DONE)
		return;
	err_temporary(&err, "",
		      "%" PRIu64 " wait%s at the provider for more time or a larger "
		      "budget of %s",
		      kept, kept == 1 ? "s" : "", work->mailbox.path.link.name);
	transfer_blame(&work->transfer, &err);
}

static void write_note(struct work *work)
{
	const struct err *why = &work->transfer.why;
	struct pickup_note *note = &work->note;
	bool is_done = work->state == WORK_DONE;
	struct fetch_left left =
		is_done ? work->left : provider_connection_left(work->connection);
	struct err err;

	note->refused |= why->exit_code == EX_CONFIG || why->exit_code == EX_NOPERM;
	if (is_done)
		note->last_success = clock_wall_s();
	if (left.is_known) {
		note->counted = true;
		note->waiting =
			left.kept + (is_done ? work->counters.refused : left.messages);
		note->bytes = left.kept_bytes + (is_done ? 0 : left.bytes);
		note->held = left.held;
	}
	snprintf(note->last_error, sizeof(note->last_error), "%s", why->text);
	if (!pickup_note_write(work->mailbox.root_fd, work->mailbox.pickup.name, note,
			       &err))
		log_failure(&err);
}

/* Only with the lock. */
static void put_away(struct work *work)
{
	const struct counters *counters = &work->counters;
	const struct err *why = &work->transfer.why;
	struct err err;

	if (!work->wish.proves)
		write_note(work);
	remote_secret_stop(&work->secret);
	work_close_connection(work);
	if (work->state == WORK_DONE && !work->wish.proves &&
	    !remote_mailbox_tidy(&work->mailbox, &err))
		log_failure(&err);
	log_info("pickup name=%s fetched=%" PRIu64 " bytes=%" PRIu64
		 " duplicates=%" PRIu64 " deleted=%" PRIu64 " refused=%" PRIu64 "%s%s",
		 work->mailbox.pickup.name, counters->fetched, counters->bytes,
		 counters->duplicates, counters->deleted, counters->refused,
		 why->kind == ERR_NONE ? "" : " reason=", why->text);
}

/* A login that is refused is a matter for a person, but the mail stays there. */
static int exit_code_for(const struct err *why)
{
	int code = err_exit_code(why);

	return code == EX_UNAVAILABLE ? EX_TEMPFAIL : code;
}

int work_end(struct work *work)
{
	const struct err *why = &work->transfer.why;
	char text[sizeof(why->text) + SMARTHOST_NAME_MAX + 16] = "";
	struct remote_mailbox *mailbox = &work->mailbox;
	struct err judged;

	if (work->state == WORK_DONE && mailbox->proof &&
	    !multidrop_proof_judge(mailbox->proof, &judged))
		transfer_blame(&work->transfer, &judged);
	blame_limits(work);
	if (why->kind != ERR_NONE) {
		snprintf(text, sizeof(text), "pickup %s: %s",
			 mailbox->pickup.name ? mailbox->pickup.name : "", why->text);
		log_failure(why);
	}
	work_tell_progress(work);
	if (mailbox->lock_fd >= 0)
		put_away(work);
	supervisor_done(work->supervisor, exit_code_for(why), text);
	transfer_end(&work->transfer);
	supervisor_close(work->supervisor);
	remote_mailbox_close(mailbox);
	return exit_code_for(why);
}
