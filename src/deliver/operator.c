#include "deliver/operator.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "control/settings.h"
#include "deliver/bounce.h"
#include "link/stops.h"

#define PRIORITY_FIRST 9

/* The sender hears that a person here took his mail back. */
static bool bounce_dropped(int root_fd, struct parked *parked,
			   const struct parked_name *name, struct err *err)
{
	struct dsn_recipient told[ENVELOPE_RECIPIENTS_MAX];
	struct envelope envelope = { 0 };
	struct settings settings = { 0 };
	AUTO_FD control_fd = file_open_dir(root_fd, "control", err);
	AUTO_FD fd = -1;
	struct bounce bounce = { .root_fd = root_fd,
				 .settings = &settings,
				 .name = name,
				 .envelope = &envelope,
				 .action = DSN_FAILED,
				 .recipients = told };
	bool done;

	if (control_fd < 0 || !settings_load(control_fd, &settings, err))
		return false;
	fd = parked_read(parked, name, &envelope, err);
	for (size_t i = 0; fd >= 0 && i < envelope.count; i++)
		if (!envelope.recipients[i].settled && bounce.count < LENGTH(told))
			told[bounce.count++] = (struct dsn_recipient){
				.address = envelope.recipients[i].address,
				.status = "5.7.1",
				.reply = "taken out of the queue by the operator of this "
					 "gateway; it was not sent",
			};
	bounce.message_fd = fd;
	done = fd >= 0 && (bounce.count == 0 || bounce_send(&bounce, err));
	envelope_clear(&envelope);
	settings_clear(&settings);
	return done;
}

/* What the log calls it; 0 where it cannot be read. */
static uint64_t number_of(struct parked *parked, const struct parked_name *name)
{
	struct envelope envelope = { 0 };
	struct err ignored;
	AUTO_FD fd = parked_read(parked, name, &envelope, &ignored);
	struct stat st;

	envelope_clear(&envelope);
	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static bool drop(int root_fd, struct parked *parked, const struct parked_name *name,
		 bool silent, struct err *err)
{
	return (silent || bounce_dropped(root_fd, parked, name, err)) &&
	       parked_remove(parked, name, err) && parked_sync(parked, err);
}

bool operator_apply(int root_fd, struct parked *parked, struct parked_name *name,
		    const char *verb, uint64_t *gone_out, struct err *err)
{
	struct parked_name to = *name;
	uint64_t number;

	*gone_out = 0;
	if (name->state == PARKED_SENDING)
		return err_exit(err, EX_TEMPFAIL, "%s is being sent just now: try again",
				name->id);
	if (strcmp(verb, "first") != 0 &&
	    !stops_forget_letter(root_fd, parked_smarthost(parked), name->id, err))
		return false;
	if (strcmp(verb, "drop") == 0 || strcmp(verb, "drop-silent") == 0) {
		number = number_of(parked, name);
		if (!drop(root_fd, parked, name, verb[4] != '\0', err))
			return false;
		*gone_out = number;
		return true;
	}
	if (strcmp(verb, "hold") == 0) {
		to.state = PARKED_HELD;
	} else if (strcmp(verb, "release") == 0) {
		/* What nobody held waits for a link that takes it: no longer. */
		to.freed = name->freed || name->state == PARKED_WAITING;
		to.state = PARKED_WAITING;
		to.not_before = 0;
	} else if (strcmp(verb, "first") == 0) {
		to.priority = PRIORITY_FIRST;
		to.freed = true;
		/* An uncertain one may have arrived: only `release` says to send it
		 * again.
		 */
		if (name->state != PARKED_UNCERTAIN)
			to.not_before = 0;
	} else {
		return err_exit(err, EX_USAGE,
				"%s is not one of hold, release, first, drop", verb);
	}
	return parked_rename(parked, name, &to, err) && parked_sync(parked, err);
}

static bool find(struct parked *parked, const char *id, struct parked_name *name_out,
		 struct err *err)
{
	struct parked_list list;
	bool found = false;

	if (!parked_list(parked, &list, err))
		return false;
	for (size_t i = 0; !found && i < list.count; i++) {
		found = strcmp(list.names[i].id, id) == 0;
		if (found)
			*name_out = list.names[i];
	}
	parked_list_clear(&list);
	return found ? true
		     : err_exit(err, EX_NOINPUT, "no message %s is parked for %s", id,
				parked_smarthost(parked));
}

/* With the lock in our hand nobody is sending: a flush that died was, and its message may
 * have arrived. */
static bool settle_sending(struct parked *parked, struct parked_name *name,
			   struct err *err)
{
	struct parked_name to = *name;

	if (name->state != PARKED_SENDING)
		return true;
	to.state = PARKED_UNCERTAIN;
	return parked_rename(parked, name, &to, err);
}

bool operator_act(int root_fd, const char *smarthost, const char *verb, const char *id,
		  uint64_t *gone_out, struct err *err)
{
	struct parked *parked = parked_open(root_fd, smarthost, false, err);
	struct parked_name name = { .state = PARKED_WAITING };
	uint64_t gone = 0;
	bool done;

	done = parked && parked_lock(parked, err) && find(parked, id, &name, err) &&
	       settle_sending(parked, &name, err) &&
	       operator_apply(root_fd, parked, &name, verb, &gone, err);
	parked_close(parked);
	if (gone_out)
		*gone_out = gone;
	return done;
}
