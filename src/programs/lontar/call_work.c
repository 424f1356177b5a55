/* What a call is made for. */
#include "base/clock.h"
#include "base/file.h"
#include "control/smarthost.h"
#include "ipc/channel.h"
#include "link/notes.h"
#include "link/stops.h"
#include "programs/lontar/alone.h"
#include "programs/lontar/ask_link.h"
#include "programs/lontar/call.h"
#include "store/parked.h"

/* What is stopped for longer than this call, or what a person has to see to first, is not
 * tried by the gateway each time. */
static bool is_refused(const struct call *call, bool is_smarthost, const char *name)
{
	int root_fd = call->context->root_fd;
	struct pickup_note pickup;

	if (is_smarthost)
		return smarthost_is_stopped(root_fd, call->context->control_fd, name,
					    NULL);
	pickup_note_read(root_fd, name, &pickup);
	return pickup.refused;
}

/* One of the two kinds of work. */
struct part {
	const struct settings_list *listed; /* by the link; empty: all */
	bool is_smarthosts;
	bool is_wanted;
	struct buf names; /* a line each; empty: all */
};

static bool list_all(const struct call *call, bool smarthosts,
		     struct settings_list *names_out, struct err *err)
{
	struct parked_smarthosts parked;

	if (!smarthosts)
		return smarthost_names(call->context->control_fd, "pickups", names_out,
				       err);
	*names_out = (struct settings_list){ 0 };
	if (!parked_smarthosts(call->context->root_fd, &parked, err))
		return false;
	for (size_t i = 0; i < parked.count; i++)
		if (smarthost_name_is_valid(parked.names[i]))
			settings_list_add(names_out, span_of(parked.names[i]), 0);
	parked_smarthosts_clear(&parked);
	return true;
}

static bool put_names(const struct call *call, const struct settings_list *list,
		      struct part *part, struct err *err)
{
	part->is_wanted = !call->by_gateway;
	for (size_t i = 0; i < list->count; i++) {
		if (call->by_gateway &&
		    is_refused(call, part->is_smarthosts, list->lines[i]))
			continue;
		part->is_wanted = true;
		if (!buf_appendf(&part->names, "%s\n", list->lines[i]))
			return err_exit(err, EX_CONFIG, "too many names");
	}
	return true;
}

static bool choose(const struct call *call, struct part *part, struct err *err)
{
	struct settings_list all;
	bool put;

	if (part->listed->count || !call->by_gateway)
		return put_names(call, part->listed, part, err);
	if (!list_all(call, part->is_smarthosts, &all, err))
		return false;
	put = put_names(call, &all, part, err);
	settings_list_clear(&all);
	return put;
}

/* *runs_out: there is a gateway to ask. */
static bool ask_gateway(const struct call *call, const struct part *parts, bool *runs_out,
			struct err *err)
{
	struct link_limit limit = { .stop = call->stop };
	struct link_ask asks[LINK_ASKS_MAX];
	size_t count = 0;

	*runs_out = true;
	if (call->limit_s)
		limit.until_ms = clock_monotonic_ms() + (int64_t)call->limit_s * 1000;
	for (size_t i = 0; i < LINK_ASKS_MAX; i++) {
		if (!parts[i].is_wanted)
			continue;
		asks[count] = (struct link_ask){
			.type = parts[i].is_smarthosts ? LINK_FLUSH : LINK_PICKUP,
			.by_gateway = call->by_gateway,
			.names = buf_span(&parts[i].names),
			.fd = channel_connect(call->context->root_fd, "link", err),
		};
		if (asks[count].fd < 0) {
			*runs_out = err->exit_code != EX_UNAVAILABLE;
			while (count)
				file_close(&asks[--count].fd);
			return false;
		}
		count++;
	}
	return ask_link(asks, count, &limit, err);
}

static bool work(const struct call *call, struct part *parts, struct err *err)
{
	struct alone_wish wish = { .flushes = true,
				   .fetches = true,
				   .limit_s = (unsigned)call->limit_s };
	bool runs;

	if (!choose(call, &parts[0], err) || !choose(call, &parts[1], err))
		return false;
	if (ask_gateway(call, parts, &runs, err))
		return true;
	if (runs || call->by_gateway)
		return false;
	wish.smarthosts = buf_span(&parts[0].names);
	wish.pickups = buf_span(&parts[1].names);
	return work_alone(call->context, &wish, err);
}

bool call_work(struct call *call, struct err *err)
{
	struct part parts[LINK_ASKS_MAX] = {
		{ .listed = &call->link.smarthosts,
		  .is_smarthosts = true,
		  .names = BUF_INIT(COMMAND_NAMES_MAX) },
		{ .listed = &call->link.pickups, .names = BUF_INIT(COMMAND_NAMES_MAX) },
	};
	bool done = work(call, parts, err);

	buf_clear(&parts[0].names);
	buf_clear(&parts[1].names);
	return done;
}
