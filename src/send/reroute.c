#include "send/reroute.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/routes.h"
#include "deliver/inject.h"
#include "link/fallback.h"

struct parting { /* a message, and the smarthosts that its unsettled recipients go to */
	struct envelope envelope;
	int fd;
	char (*targets)[SMARTHOST_NAME_MAX]; /* "": stays, settled, or has no route */
	size_t leaving;
	size_t staying;
	const char *target; /* of all that leave, if it is one */
};

struct moves { /* and to what they are told */
	struct outbound *outbound;
	void (*moved)(void *ctx, const char *smarthost);
	void *ctx;
};

/* By its route, or because the smarthost of its route is out of order. */
static bool is_here(const struct outbound *outbound, const char *smarthost)
{
	const char *here = parked_smarthost(outbound->parked);

	return strcmp(smarthost, here) == 0 ||
	       fallback_leads_to(outbound->root_fd, outbound->control_fd,
				 &outbound->settings, smarthost, here);
}

static void look_at(struct outbound *outbound, struct parting *parting, size_t i)
{
	const struct envelope_recipient *recipient = &parting->envelope.recipients[i];
	struct route route = { 0 };
	struct err ignored;

	if (recipient->settled)
		return;
	/* Without a route it stays: the old way is better than none. */
	if (!routes_find(outbound->control_fd, &outbound->settings,
			 parting->envelope.sender, recipient->address, &route,
			 &ignored) ||
	    route.by == ROUTE_NONE || is_here(outbound, route.smarthost)) {
		parting->staying++;
		return;
	}
	memcpy(parting->targets[i], route.smarthost, sizeof(route.smarthost));
	if (!parting->leaving++)
		parting->target = parting->targets[i];
	else if (parting->target && strcmp(parting->target, parting->targets[i]) != 0)
		parting->target = NULL;
}

/* False: it cannot be read; the flush itself says why. */
static bool read_parting(struct outbound *outbound, const struct parked_name *name,
			 struct parting *parting)
{
	struct err ignored;

	*parting = (struct parting){ .fd = -1 };
	parting->fd = parked_read(outbound->parked, name, &parting->envelope, &ignored);
	if (parting->fd < 0)
		return false;
	parting->targets =
		must_alloc(parting->envelope.count * sizeof(*parting->targets));
	for (size_t i = 0; i < parting->envelope.count; i++)
		look_at(outbound, parting, i);
	return true;
}

static void clear_parting(struct parting *parting)
{
	envelope_clear(&parting->envelope);
	file_close(&parting->fd);
	free(parting->targets);
}

static bool move(struct outbound *outbound, const struct parked_name *name,
		 const char *target, struct err *err)
{
	struct parked *parked = parked_open(outbound->root_fd, target, true, err);
	bool moved = parked && parked_move(outbound->parked, name, parked, err);

	parked_close(parked);
	return moved;
}

/* Hands the message in anew for the recipients that leave: it is routed and parked as
 * when it came, without another trace line. */
static bool hand_in(struct outbound *outbound, struct parting *parting, struct err *err)
{
	const char **leaving = must_alloc(parting->leaving * sizeof(*leaving));
	struct inject inject = { .sender = parting->envelope.sender,
				 .recipients = leaving,
				 .bounce = true };
	struct stat st;
	char *bytes;
	bool done;

	for (size_t i = 0; i < parting->envelope.count; i++)
		if (parting->targets[i][0])
			leaving[inject.count++] = parting->envelope.recipients[i].address;
	if (fstat(parting->fd, &st) != 0 || st.st_size < parting->envelope.body) {
		free(leaving);
		return err_errno(err, "measure a parked message");
	}
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, parting->fd, 0);
	if (bytes == MAP_FAILED) {
		free(leaving);
		return err_errno(err, "read a parked message");
	}
	inject.text = (struct span){ bytes + parting->envelope.body,
				     (size_t)(st.st_size - parting->envelope.body) };
	done = inject_message(outbound->root_fd, &inject, err);
	munmap(bytes, (size_t)st.st_size);
	free(leaving);
	for (size_t i = 0; done && i < parting->envelope.count; i++)
		if (parting->targets[i][0])
			done = parked_settle(outbound->parked, parting->fd,
					     &parting->envelope.recipients[i], err);
	return done;
}

/* It goes on as other messages. */
static bool leave(struct outbound *outbound, const struct parked_name *name,
		  const struct parting *parting, struct err *err)
{
	struct stat st;

	if (!parked_remove(outbound->parked, name, err))
		return false;
	if (fstat(parting->fd, &st) == 0)
		log_info("end msg %" PRIu64, (uint64_t)st.st_ino);
	return true;
}

static bool part(const struct moves *moves, const struct parked_name *name,
		 struct parting *parting, struct err *err)
{
	struct outbound *outbound = moves->outbound;
	bool done;

	if (!parting->leaving)
		return true;
	if (parting->target && !parting->staying)
		done = move(outbound, name, parting->target, err);
	else
		done = hand_in(outbound, parting, err) &&
		       (parting->staying || leave(outbound, name, parting, err));
	for (size_t i = 0; done && i < parting->envelope.count; i++) {
		if (!parting->targets[i][0])
			continue;
		log_info("rerouted id=%s recipient=%s from=%s to=%s", name->id,
			 parting->envelope.recipients[i].address,
			 parked_smarthost(outbound->parked), parting->targets[i]);
		if (i == 0 || strcmp(parting->targets[i], parting->targets[i - 1]) != 0)
			moves->moved(moves->ctx, parting->targets[i]);
	}
	return done;
}

/* When the routes were changed last: wall clock seconds. */
static int64_t changed_at(const struct outbound *outbound)
{
	static const char *const files[] = { "smtproutes", "senderroutes", "smarthosts" };
	int64_t latest = 0;

	for (size_t i = 0; i < LENGTH(files); i++) {
		struct stat st;

		if (fstatat(outbound->control_fd, files[i], &st, 0) == 0 &&
		    st.st_ctime > latest)
			latest = st.st_ctime;
	}
	return latest;
}

/* What a crashed flush was sending is so too. */
static bool stays_uncertain(const struct parked_name *name)
{
	return name->state == PARKED_UNCERTAIN || name->state == PARKED_SENDING;
}

bool reroute(struct outbound *outbound, void (*moved)(void *ctx, const char *smarthost),
	     void *ctx, struct err *err)
{
	const struct moves moves = { outbound, moved, ctx };
	uint64_t signature = routes_signature(outbound->control_fd, &outbound->settings);
	int64_t since = INT64_MAX;
	struct parked_list list;
	bool done = true, all = true;

	if (outbound->note.routed_by == signature)
		return true;
	/* Never noted, and parked by these routes: very many need not be opened. */
	if (!outbound->note.routed_by)
		since = changed_at(outbound);
	if (!parked_list(outbound->parked, &list, err))
		return false;
	for (size_t i = 0; done && i < list.count; i++) {
		struct parting parting;

		if (parked_name_time(&list.names[i]) > since)
			continue;
		/* It may have arrived there, and only there can that be noticed. */
		if (stays_uncertain(&list.names[i])) {
			all = false;
			continue;
		}
		if (read_parting(outbound, &list.names[i], &parting))
			done = part(&moves, &list.names[i], &parting, err);
		clear_parting(&parting);
	}
	parked_list_clear(&list);
	if (!done || !parked_sync(outbound->parked, err))
		return false;
	/* What is uncertain now is looked at again when it is no longer. */
	if (!all)
		return true;
	outbound->note.routed_by = signature;
	return smarthost_note_write(outbound->root_fd, parked_smarthost(outbound->parked),
				    &outbound->note, err);
}
