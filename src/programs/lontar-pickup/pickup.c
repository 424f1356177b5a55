#include "programs/lontar-pickup/pickup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ipc/service.h"
#include "programs/lontar-pickup/boss.h"
#include "programs/lontar-pickup/multidrop_proof.h"
#include "programs/lontar-pickup/provider_connection.h"

#define PROGRESS_S .25

void work_end(struct work *work)
{
	ev_break(work->loop, EVBREAK_ALL);
}

void work_blame(struct work *work, const struct err *err)
{
	if (work->why.kind == ERR_NONE)
		work->why = *err;
}

void work_stop(struct work *work, const char *why)
{
	struct err err = { 0 };

	work->stopping = true;
	err_temporary(&err, "", "%s", why);
	work_blame(work, &err);
	work_end(work);
}

static void on_progress(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	meter_look(watcher->data);
	boss_tell_progress(watcher->data);
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)events;
	work_stop(watcher->data, "told to stop");
}

static void watch(struct work *work)
{
	work->loop = ev_default_loop(EVFLAG_AUTO);
	signal(SIGPIPE, SIG_IGN);
	ev_timer_init(&work->progress, on_progress, PROGRESS_S, PROGRESS_S);
	ev_signal_init(&work->term, on_term, SIGTERM);
	work->progress.data = work->term.data = work;
	ev_timer_start(work->loop, &work->progress);
	ev_signal_start(work->loop, &work->term);
	/* What is not known to be here is still there. */
	if (!work->alone && !work->probes)
		work->master = service_tie(work->loop);
	boss_open(work);
}

static bool take_lock(struct work *work, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];

	snprintf(path, sizeof(path), "run/pickup.%s", work->pickup.name);
	work->lock_fd = openat(work->root_fd, path,
			       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (work->lock_fd < 0)
		return err_errno(err, "open %s", path);
	(void)!fchmod(work->lock_fd, 0660); /* past the umask, where it is ours */
	if (flock(work->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return true;
	if (errno != EWOULDBLOCK)
		return err_errno(err, "lock %s", path);
	return err_exit(err, EX_TEMPFAIL, "pickup %s is being fetched already",
			work->pickup.name);
}

static bool is_possible(struct work *work, struct err *err)
{
	const struct pickup *pickup = &work->pickup;

	if (!work->probes)
		return !pickup->multidrop ||
		       multidrop_proof_is_proved(work->root_fd, pickup, err);
	if (!pickup->multidrop)
		return err_exit(err, EX_CONFIG,
				"control/pickups/%s says no multidrop HEADER: there is "
				"nothing to prove",
				pickup->name);
	work->proof = multidrop_proof_open(work->root_fd, pickup, err);
	return work->proof != NULL;
}

static void digest_mailbox(const struct pickup *pickup, char text_out[DIGEST_TEXT_MAX])
{
	const char *const parts[] = { pickup->host, pickup->user, pickup->folder };
	struct digest *digest = digest_new();

	for (size_t i = 0; i < LENGTH(parts); i++) {
		digest_add(digest, span_of(parts[i] ? parts[i] : ""));
		digest_add(digest, (struct span){ "\n", 1 });
	}
	digest_text(digest, text_out);
	digest_free(digest);
}

static bool open_all(struct work *work, const char *name, struct err *err)
{
	char mailbox[DIGEST_TEXT_MAX];

	work->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (work->root_fd < 0)
		return false;
	work->control_fd = file_open_dir(work->root_fd, "control", err);
	if (work->control_fd < 0 ||
	    !settings_load(work->control_fd, &work->settings, err) ||
	    !rewrites_load(work->control_fd, &work->rewrites, err) ||
	    !pickup_load(work->control_fd, name, &work->pickup, err) ||
	    !take_lock(work, err))
		return false;
	work->begun = true;
	pickup_note_read(work->root_fd, name, &work->note);
	work->note.last_try = clock_wall_s();
	if (!is_possible(work, err))
		return false;
	work->seen = seen_open(work->root_fd, name, err);
	if (!work->seen)
		return false;
	digest_mailbox(&work->pickup, mailbox);
	work->is_moved = seen_is_of_another(work->seen, mailbox);
	return true;
}

bool work_begin(struct work *work, const char *name, struct err *err)
{
	work->doing = "starting";
	watch(work);
	if (!open_all(work, name, err))
		return false;
	meter_begin(work);
	return provider_connection_start(work, err);
}

/* They stay there: it is not all that was asked for. */
static void blame_limits(struct work *work)
{
	const struct meter *meter = &work->meter;
	struct err err = { 0 };

	if (!meter->kept || !work->succeeded)
		return;
	err_temporary(&err, "",
		      "%" PRIu64 " wait%s at the provider for more time or a larger "
		      "budget of %s",
		      meter->kept, meter->kept == 1 ? "s" : "", meter->link.name);
	work_blame(work, &err);
}

static void write_note(struct work *work)
{
	struct provider_connection_left left = provider_connection_left(work->connection);
	struct err err;

	work->note.refused |=
		work->why.exit_code == EX_CONFIG || work->why.exit_code == EX_NOPERM;
	if (work->succeeded) {
		work->note.last_success = clock_wall_s();
		work->note.counted = true;
		work->note.waiting = work->tally.refused + work->meter.kept;
		work->note.bytes = work->meter.kept_bytes;
		work->note.held = work->held;
	} else if (left.is_known) {
		work->note.counted = true;
		work->note.waiting = left.messages + work->meter.kept;
		work->note.bytes = left.bytes + work->meter.kept_bytes;
		work->note.held = left.held;
	}
	snprintf(work->note.last_error, sizeof(work->note.last_error), "%s",
		 work->why.text);
	if (!pickup_note_write(work->root_fd, work->pickup.name, &work->note, &err))
		log_failure(&err);
}

/* All of it has been judged as this mailbox's. */
static bool tidy(struct work *work, struct err *err)
{
	char mailbox[DIGEST_TEXT_MAX];

	digest_mailbox(&work->pickup, mailbox);
	return seen_set_mailbox(work->seen, mailbox, err) &&
	       seen_tidy(work->seen, clock_wall_s(), err);
}

static void put_away(struct work *work)
{
	struct err err;

	if (!work->probes)
		write_note(work);
	token_stop(&work->token);
	provider_connection_close(work->connection);
	if (work->succeeded && !work->probes && !tidy(work, &err))
		log_failure(&err);
	seen_close(work->seen);
	multidrop_proof_close(work->proof);
	log_info("pickup name=%s fetched=%" PRIu64 " bytes=%" PRIu64
		 " duplicates=%" PRIu64 " deleted=%" PRIu64 " refused=%" PRIu64 "%s%s",
		 work->pickup.name, work->tally.fetched, work->tally.bytes,
		 work->tally.duplicates, work->tally.deleted, work->tally.refused,
		 work->why.kind == ERR_NONE ? "" : " reason=", work->why.text);
}

/* A login that is refused is a matter for a person, but mail stays there. */
static int exit_code_for(const struct err *why)
{
	int code = err_exit_code(why);

	return code == EX_UNAVAILABLE ? EX_TEMPFAIL : code;
}

int work_finish(struct work *work, const struct err *err)
{
	char text[sizeof(work->why.text) + SMARTHOST_NAME_MAX + 16] = "";
	struct err judged;
	int exit_code;

	if (err->kind != ERR_NONE)
		work_blame(work, err);
	else if (work->succeeded && work->proof &&
		 !multidrop_proof_judge(work->proof, &judged))
		work_blame(work, &judged);
	blame_limits(work);
	if (work->why.kind != ERR_NONE)
		snprintf(text, sizeof(text), "pickup %s: %s",
			 work->pickup.name ? work->pickup.name : "", work->why.text);
	exit_code = exit_code_for(&work->why);
	boss_tell_progress(work);
	if (work->why.kind != ERR_NONE)
		log_failure(&work->why);
	if (work->begun)
		put_away(work);
	boss_tell_done(work, exit_code, text);
	if (work->loop)
		ev_run(work->loop, EVRUN_NOWAIT);
	file_close(&work->lock_fd);
	if (work->pickup.name)
		pickup_clear(&work->pickup);
	rewrites_clear(&work->rewrites);
	settings_clear(&work->settings);
	return exit_code;
}
