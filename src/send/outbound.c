#include "send/outbound.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "send/mx_job.h"

#define LOCK_TRIES 50 /* one second in all */

void outbound_blame(struct outbound *outbound, const struct err *err)
{
	if (outbound->why.kind == ERR_NONE)
		outbound->why = *err;
}

bool outbound_is_mx(const struct outbound *outbound)
{
	return outbound->smarthost.type == SMARTHOST_MX && !outbound->job;
}

/* A run of lontar-flush --notices may hold the lock, and is soon over. */
static bool take_lock(struct outbound *outbound, struct err *err)
{
	static const struct timespec pause = { .tv_nsec = 20000000 };

	for (int tries = LOCK_TRIES; !parked_lock(outbound->parked, err); tries--) {
		if (!tries || err->exit_code != EX_TEMPFAIL)
			return false;
		nanosleep(&pause, NULL);
	}
	outbound->is_locked = true;
	return true;
}

static bool load_settings(struct outbound *outbound, const char *smarthost,
			  struct err *err)
{
	if (!rewrites_load(outbound->control_fd, &outbound->rewrites, err) ||
	    !smarthost_load(outbound->control_fd, &outbound->settings, smarthost,
			    &outbound->smarthost, err))
		return false;
	/* Of type mx: the name stands for the host in what is said of all of it. */
	if (!outbound->smarthost.host)
		outbound->smarthost.host = must_copy(smarthost);
	return true;
}

/* The job names the host and its addresses. */
static bool load_job(struct outbound *outbound, const char *smarthost, struct err *err)
{
	const char *host = mx_job_host(outbound->job);
	const char *addresses = mx_job_addresses(outbound->job);

	stops_read_for_host(outbound->root_fd, smarthost, &outbound->stops);
	if (!load_settings(outbound, smarthost, err))
		return false;
	free(outbound->smarthost.host);
	outbound->smarthost.host = must_copy(host);
	snprintf(outbound->note.host, sizeof(outbound->note.host), "%s", host);
	snprintf(outbound->note.addresses, sizeof(outbound->note.addresses), "%s",
		 addresses);
	return true;
}

bool outbound_open(struct outbound *outbound, const char *smarthost, struct mx_job *job,
		   struct err *err)
{
	outbound->job = job;
	outbound->root_fd = file_open_dir(AT_FDCWD, ".", err);
	if (outbound->root_fd < 0)
		return false;
	outbound->control_fd = file_open_dir(outbound->root_fd, "control", err);
	if (outbound->control_fd < 0 ||
	    !settings_load(outbound->control_fd, &outbound->settings, err))
		return false;
	outbound->parked = parked_open(outbound->root_fd, smarthost, false, err);
	if (!outbound->parked)
		return false;
	outbound->queue.parked = outbound->parked;
	/* The process that started this one for a mail host holds the lock. */
	if (job)
		return load_job(outbound, smarthost, err);
	if (!take_lock(outbound, err))
		return false;
	smarthost_note_read(outbound->root_fd, smarthost, &outbound->note);
	stops_read(outbound->root_fd, smarthost, &outbound->stops);
	return load_settings(outbound, smarthost, err);
}

void outbound_close(struct outbound *outbound)
{
	parked_close(outbound->parked);
	mx_job_free(outbound->job);
	stops_clear(&outbound->stops);
	smarthost_clear(&outbound->smarthost);
	rewrites_clear(&outbound->rewrites);
	settings_clear(&outbound->settings);
	file_close(&outbound->control_fd);
	file_close(&outbound->root_fd);
}
