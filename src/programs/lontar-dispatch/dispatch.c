#include "programs/lontar-dispatch/dispatch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "deliver/bounce.h"
#include "deliver/local_schedule.h"

#define LOOK_AGAIN_S 30. /* also for what is put there behind our back */
#define BUSY_S       5.  /* an operator has the lock */
#define TAKEN_UP_MAX 64  /* messages at once, each an open file */

void dispatch_wake(struct dispatch *dispatch, double seconds)
{
	struct ev_loop *loop = dispatch->service->loop;

	if (dispatch->is_stopping ||
	    (ev_is_active(&dispatch->wake) &&
	     ev_timer_remaining(loop, &dispatch->wake) <= seconds))
		return;
	ev_timer_stop(loop, &dispatch->wake);
	ev_timer_set(&dispatch->wake, seconds, 0.);
	ev_timer_start(loop, &dispatch->wake);
}

static struct message *find(const struct dispatch *dispatch, const char *id)
{
	struct message *at = dispatch->messages;

	while (at && strcmp(at->name.id, id) != 0)
		at = at->next;
	return at;
}

static void free_message(struct message *message)
{
	struct message **at = &message->dispatch->messages;

	while (*at && *at != message)
		at = &(*at)->next;
	if (*at) {
		*at = message->next;
		message->dispatch->message_count--;
	}
	for (size_t i = 0; i < message->envelope.count; i++)
		free(message->outcomes[i].text);
	free(message->outcomes);
	envelope_clear(&message->envelope);
	file_close(&message->fd);
	free(message);
}

/* A head that cannot be read must not be tried for ever, nor lost. */
static void hold(struct dispatch *dispatch, const struct parked_name *name,
		 const struct err *why)
{
	struct parked_name was = *name, held = *name;
	struct err err;

	log_failure(why);
	held.state = PARKED_HELD;
	if (!parked_rename(dispatch->parked, &was, &held, &err) ||
	    !parked_sync(dispatch->parked, &err))
		log_failure(&err);
}

static void take_up(struct dispatch *dispatch, const struct parked_name *name)
{
	struct message *message = must_alloc(sizeof(*message));
	struct message **last = &dispatch->messages;
	struct stat st;
	struct err err;

	message->dispatch = dispatch;
	message->name = *name;
	message->fd = parked_read(dispatch->parked, name, &message->envelope, &err);
	if (message->fd < 0) {
		if (err.kind == ERR_PERMANENT && err.exit_code != EX_NOINPUT)
			hold(dispatch, name, &err);
		free(message);
		return;
	}
	if (fstat(message->fd, &st) == 0)
		message->inode = st.st_ino;
	message->outcomes =
		must_alloc((message->envelope.count + 1) * sizeof(*message->outcomes));
	for (size_t i = 0; i < message->envelope.count; i++)
		if (message->envelope.recipients[i].settled)
			message->outcomes[i].kind = OUTCOME_DONE;
	while (*last)
		last = &(*last)->next;
	*last = message;
	dispatch->message_count++;
}

static bool bounce(struct message *message, struct err *err)
{
	const struct dispatch *dispatch = message->dispatch;
	struct dsn_recipient told[ENVELOPE_RECIPIENTS_MAX];
	struct bounce order = { .root_fd = dispatch->root_fd,
				.settings = &dispatch->settings,
				.name = &message->name,
				.envelope = &message->envelope,
				.message_fd = message->fd,
				.action = DSN_FAILED,
				.recipients = told };

	for (size_t i = 0; i < message->envelope.count; i++) {
		const struct outcome *outcome = &message->outcomes[i];

		if (outcome->kind != OUTCOME_NEVER)
			continue;
		told[order.count++] = (struct dsn_recipient){
			.address = message->envelope.recipients[i].address,
			.status = outcome->status[0] ? outcome->status : "5.0.0",
			.reply = outcome->text,
		};
	}
	if (!order.count)
		return true;
	if (!bounce_send(&order, err))
		return false;
	log_info("bounce msg %" PRIu64 " qp %ld", message->inode, (long)getpid());
	return true;
}

static bool settle(struct message *message, size_t i, struct err *err)
{
	if (!parked_settle(message->dispatch->parked, message->fd,
			   &message->envelope.recipients[i], err))
		return false;
	message->outcomes[i].kind = OUTCOME_DONE;
	marks_remove(message, i);
	return true;
}

static bool settle_bounced(struct message *message, struct err *err)
{
	for (size_t i = 0; i < message->envelope.count; i++)
		if (message->outcomes[i].kind == OUTCOME_NEVER &&
		    !settle(message, i, err))
			return false;
	return true;
}

/* The last try is over for those who are still waiting. */
static void expire(struct message *message)
{
	static const char last[] =
		"I'm not going to try again; this message has been in the queue too "
		"long. ";

	for (size_t i = 0; i < message->envelope.count; i++) {
		struct outcome *outcome = &message->outcomes[i];
		AUTO_BUF text = BUF_INIT(4096);

		if (outcome->kind != OUTCOME_LATER)
			continue;
		outcome->kind = OUTCOME_NEVER;
		snprintf(outcome->status, sizeof(outcome->status), "4.4.7");
		if (!buf_appendf(&text, "%s%s", last, outcome->text))
			continue;
		free(outcome->text);
		outcome->text = buf_take(&text);
	}
}

static bool any_waits(const struct message *message)
{
	for (size_t i = 0; i < message->envelope.count; i++)
		if (message->outcomes[i].kind != OUTCOME_DONE)
			return true;
	return false;
}

/* The file goes, or its name says when to come again. */
static bool put_back(struct message *message, struct err *err)
{
	struct parked *parked = message->dispatch->parked;
	struct parked_name to = message->name;

	if (!any_waits(message)) {
		if (!parked_remove(parked, &message->name, err))
			return false;
		log_info("end msg %" PRIu64, message->inode);
		return parked_sync(parked, err);
	}
	to.attempts++;
	to.not_before = local_next_try(parked_name_time(&to), clock_wall_s());
	return parked_rename(parked, &message->name, &to, err) &&
	       parked_sync(parked, err);
}

static void unlock_when_idle(struct dispatch *dispatch)
{
	if (dispatch->messages)
		return;
	/* Closing is what unlocks, and the folder may be made anew. */
	parked_close(dispatch->parked);
	dispatch->parked = NULL;
	dispatch->is_locked = false;
}

static void finish(struct message *message)
{
	struct dispatch *dispatch = message->dispatch;
	struct err err = { 0 };

	if (!settings_refresh(dispatch->control_fd, &dispatch->settings, NULL, &err))
		log_failure(&err);
	if (local_is_expired(parked_name_time(&message->name), clock_wall_s(),
			     message->name.attempts + 1,
			     dispatch->settings.queuelifetime_s))
		expire(message);
	/* Settled only when the bounce is durable; else they are tried again. */
	if (!bounce(message, &err) || !settle_bounced(message, &err))
		log_failure(&err);
	if (!put_back(message, &err)) {
		log_failure(&err);
		dispatch->is_troubled = true;
	}
	free_message(message);
	unlock_when_idle(dispatch);
}

void dispatch_log_status(const struct dispatch *dispatch)
{
	log_info("status: local %zu/%" PRIu64 " remote 0/%" PRIu64, dispatch->running,
		 dispatch->settings.concurrencylocal,
		 dispatch->settings.concurrencyremote);
}

void dispatch_ended(struct message *message, size_t recipient, enum outcome_kind kind,
		    const char *status, const char *text)
{
	struct dispatch *dispatch = message->dispatch;
	struct outcome *outcome = &message->outcomes[recipient];
	struct err err;

	message->under_way--;
	dispatch->running--;
	dispatch_log_status(dispatch);
	outcome->kind = kind;
	snprintf(outcome->status, sizeof(outcome->status), "%s", status);
	free(outcome->text);
	outcome->text = must_copy(text);
	if (kind == OUTCOME_DONE && !settle(message, recipient, &err)) {
		log_failure(&err);
		outcome->kind = OUTCOME_LATER;
	}
	dispatch_go_on(dispatch);
}

static void blame(struct message *message, size_t recipient, const struct err *err)
{
	struct outcome *outcome = &message->outcomes[recipient];

	outcome->kind = err->kind == ERR_PERMANENT ? OUTCOME_NEVER : OUTCOME_LATER;
	snprintf(outcome->status, sizeof(outcome->status), "%s", err->status);
	free(outcome->text);
	outcome->text = must_copy(err->text);
}

static void start_one(struct message *message)
{
	size_t recipient = message->next_recipient++;
	struct err err;

	if (message->outcomes[recipient].kind == OUTCOME_DONE)
		return;
	if (ask_is_one(message, recipient)) {
		if (!ask_take(message, recipient, &err) ||
		    !settle(message, recipient, &err))
			blame(message, recipient, &err);
		return;
	}
	message->under_way++;
	message->dispatch->running++;
	if (run_start(message, recipient, &err))
		return;
	log_failure(&err);
	message->under_way--;
	message->dispatch->running--;
	blame(message, recipient, &err);
}

static bool may_start(const struct dispatch *dispatch)
{
	return !dispatch->is_stopping &&
	       dispatch->running < dispatch->settings.concurrencylocal;
}

void dispatch_go_on(struct dispatch *dispatch)
{
	struct message *message = dispatch->messages, *next;

	for (; message; message = next) {
		while (message->next_recipient < message->envelope.count &&
		       may_start(dispatch))
			start_one(message);
		next = message->next;
		if (message->next_recipient < message->envelope.count ||
		    message->under_way)
			continue;
		finish(message);
		if (dispatch->is_more || !dispatch->messages)
			dispatch_wake(dispatch, dispatch->is_troubled ? BUSY_S : 0.);
	}
	if (dispatch->is_stopping && !dispatch->running)
		ev_break(dispatch->service->loop, EVBREAK_ALL);
}

static bool any_due(const struct dispatch *dispatch, const struct parked_list *list)
{
	int64_t now = clock_wall_s();

	for (size_t i = 0; i < list->count; i++)
		if (list->names[i].state != PARKED_HELD &&
		    !find(dispatch, list->names[i].id) &&
		    local_is_due(list->names[i].not_before, now))
			return true;
	return false;
}

/* What is there; locked, and as it is under the lock, where there is something to do: an
 * operator should find the lock free. */
static bool read_list(struct dispatch *dispatch, bool hurry, struct parked_list *list_out,
		      struct err *err)
{
	if (!dispatch->parked)
		dispatch->parked = parked_open(dispatch->root_fd, "local", false, err);
	if (!dispatch->parked || !parked_list(dispatch->parked, list_out, err))
		return false;
	if (dispatch->is_locked || !(hurry || any_due(dispatch, list_out)))
		return true;
	parked_list_clear(list_out);
	dispatch->is_locked = parked_lock(dispatch->parked, err);
	return dispatch->is_locked && parked_list(dispatch->parked, list_out, err);
}

/* The next turn of what is not due, at most LOOK_AGAIN_S away. */
static double take_up_due(struct dispatch *dispatch, const struct parked_list *list,
			  bool hurry)
{
	int64_t now = clock_wall_s();
	double wait = LOOK_AGAIN_S;

	dispatch->is_more = dispatch->is_troubled = false;
	for (size_t i = 0; i < list->count; i++) {
		const struct parked_name *name = &list->names[i];

		if (name->state == PARKED_HELD || find(dispatch, name->id))
			continue;
		if (hurry || local_is_due(name->not_before, now)) {
			dispatch->is_more = dispatch->message_count >= TAKEN_UP_MAX;
			if (!dispatch->is_locked)
				wait = 0; /* it became so just now */
			else if (!dispatch->is_more)
				take_up(dispatch, name);
		} else if ((double)(name->not_before - now) < wait) {
			wait = (double)(name->not_before - now);
		}
	}
	return wait;
}

void dispatch_look(struct dispatch *dispatch, bool hurry)
{
	struct parked_list list;
	double wait = LOOK_AGAIN_S;
	struct err err = { 0 };

	if (dispatch->is_stopping)
		return;
	if (!settings_refresh(dispatch->control_fd, &dispatch->settings, NULL, &err))
		log_failure(&err);
	if (!read_list(dispatch, hurry, &list, &err)) {
		if (err.exit_code == EX_TEMPFAIL)
			wait = BUSY_S;
		else if (err.exit_code != EX_NOINPUT)
			log_failure(&err);
		dispatch_wake(dispatch, wait);
		unlock_when_idle(dispatch);
		return;
	}
	wait = take_up_due(dispatch, &list, hurry);
	parked_list_clear(&list);
	dispatch_wake(dispatch, wait);
	if (dispatch->messages)
		dispatch_go_on(dispatch);
	else
		unlock_when_idle(dispatch);
}

static void on_wake(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	dispatch_look(timer->data, false);
}

static void on_give_up(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

void dispatch_stop(struct dispatch *dispatch)
{
	struct ev_loop *loop = dispatch->service->loop;

	if (dispatch->is_stopping)
		return;
	dispatch->is_stopping = true;
	ev_timer_stop(loop, &dispatch->wake);
	ev_timer_start(loop, &dispatch->give_up);
	if (!dispatch->running)
		ev_break(loop, EVBREAK_ALL);
}

bool dispatch_open(struct dispatch *dispatch, struct err *err)
{
	struct parked_list list = { 0 };
	struct parked *parked;

	dispatch->marks_fd = -1;
	if (!settings_load(dispatch->control_fd, &dispatch->settings, err) ||
	    !file_make_dir(dispatch->root_fd, "spool/state/local", 0700, err))
		return false;
	dispatch->marks_fd = file_open_dir(dispatch->root_fd, "spool/state/local", err);
	if (dispatch->marks_fd < 0)
		return false;
	parked = parked_open(dispatch->root_fd, "local", false, err);
	if (!parked || parked_list(parked, &list, err))
		marks_tidy(dispatch, &list);
	parked_list_clear(&list);
	parked_close(parked);
	ev_timer_init(&dispatch->wake, on_wake, 0., 0.);
	ev_timer_init(&dispatch->give_up, on_give_up, 3., 0.);
	dispatch->wake.data = dispatch->give_up.data = dispatch;
	return true;
}
