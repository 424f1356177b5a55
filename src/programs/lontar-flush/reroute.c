/* A changed route map applies to what is parked already, once, before the next flush. */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/routes.h"
#include "programs/lontar-flush/boss.h"
#include "programs/lontar-flush/flush.h"

/* Where all of its unsettled recipients go now. False: it stays, because they go several
 * ways, or nowhere, or cannot be read (the flush itself says why). */
static bool find_target(struct flush *flush, const struct parked_name *name,
			char target_out[SMARTHOST_NAME_MAX])
{
	struct envelope envelope = { 0 };
	struct err ignored = { 0 };
	AUTO_FD fd = parked_read(flush->parked, name, &envelope, &ignored);
	bool found = fd >= 0;

	target_out[0] = '\0';
	for (size_t i = 0; found && i < envelope.count; i++) {
		struct route route = { 0 };

		if (envelope.recipients[i].settled)
			continue;
		found = routes_find(flush->control_fd, &flush->settings, envelope.sender,
				    envelope.recipients[i].address, &route, &ignored) &&
			route.by != ROUTE_NONE &&
			(!target_out[0] || strcmp(target_out, route.smarthost) == 0);
		if (found)
			memcpy(target_out, route.smarthost, sizeof(route.smarthost));
	}
	envelope_clear(&envelope);
	return found && target_out[0];
}

static bool move(struct flush *flush, const struct parked_name *name, const char *target,
		 struct err *err)
{
	struct parked *parked = parked_open(flush->root_fd, target, true, err);
	bool moved = parked && parked_move(flush->parked, name, parked, err);

	if (moved)
		log_info("rerouted id=%s from=%s to=%s", name->id,
			 parked_smarthost(flush->parked), target);
	parked_close(parked);
	return moved;
}

bool reroute(struct flush *flush, struct err *err)
{
	uint64_t signature = routes_signature(flush->control_fd, &flush->settings);
	const char *here = parked_smarthost(flush->parked);
	char told[SMARTHOST_NAME_MAX] = "";
	struct parked_list list;
	bool done = true;

	if (flush->note.routed_by == signature)
		return true;
	if (!parked_list(flush->parked, &list, err))
		return false;
	for (size_t i = 0; done && i < list.count; i++) {
		char target[SMARTHOST_NAME_MAX];

		if (!find_target(flush, &list.names[i], target) ||
		    strcmp(target, here) == 0)
			continue;
		done = move(flush, &list.names[i], target, err);
		if (done && strcmp(target, told) != 0) {
			boss_tell_moved(flush, target);
			memcpy(told, target, sizeof(told));
		}
	}
	parked_list_clear(&list);
	if (!done || !parked_sync(flush->parked, err))
		return false;
	flush->note.routed_by = signature;
	return smarthost_note_write(flush->root_fd, here, &flush->note, err);
}
