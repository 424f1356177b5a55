#include "programs/lontar/ask_link.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "programs/lontar/progress.h"

static bool nonsense(struct err *err)
{
	return err_temporary(err, "", "the gateway's answer makes no sense");
}

static bool say(const struct link_ask *ask, struct err *err)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	if (ask->type == LINK_PICKUP)
		link_pickup_put(&out, 1,
				&(struct link_pickup){ !ask->by_gateway, ask->names });
	else
		link_flush_put(&out, 1,
			       &(struct link_flush){ !ask->by_gateway, ask->names });
	return channel_send(ask->fd, &out, -1, err);
}

/* One packet of it; *over_out: it was the last. */
static bool hear(const struct link_ask *ask, struct progress *progress, bool *over_out,
		 struct err *err)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct link_progress told;
	struct link_done done;
	struct packet packet;

	*over_out = true;
	if (channel_wait(ask->fd, -1, &in, NULL) != CHANNEL_PACKET)
		return err_temporary(err, "",
				     "the gateway ended meanwhile; what is not done "
				     "waits");
	if (!packet_open(&packet, buf_span(&in)))
		return nonsense(err);
	if (packet.type == LINK_PROGRESS) {
		if (!link_progress_get(&packet, &told))
			return nonsense(err);
		progress_take(progress, &told);
		*over_out = false;
		return true;
	}
	if (packet.type != LINK_DONE || !link_done_get(&packet, &done))
		return nonsense(err);
	if (done.exit_code != 0)
		return err_exit(err, (int)done.exit_code, "%.*s", SPAN_ARG(done.text));
	progress_say(progress, done.text);
	return true;
}

/* -1: for ever. */
static int left_ms(const struct link_limit *limit)
{
	int64_t left = limit->until_ms - clock_monotonic_ms();

	if (!limit->until_ms)
		return -1;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static bool wait_for_any(const struct link_ask *asks, struct pollfd *polls, size_t count,
			 const struct link_limit *limit, struct err *err)
{
	int ready;

	for (size_t i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = asks[i].fd, .events = POLLIN };
	do {
		if (limit->stop && *limit->stop)
			return err_exit(err, EX_TEMPFAIL, "told to stop");
		ready = poll(polls, count, left_ms(limit));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return err_errno(err, "wait for the gateway");
	return ready > 0 || err_exit(err, EX_TEMPFAIL, "the time for this call is over");
}

static bool hear_all(struct link_ask *asks, size_t count, const struct link_limit *limit,
		     struct progress *progress, struct err *first)
{
	struct pollfd polls[LINK_ASKS_MAX];
	size_t left = count;
	struct err err;

	while (left) {
		if (!wait_for_any(asks, polls, count, limit, first))
			return false;
		for (size_t i = 0; i < count; i++) {
			bool over, fine;

			if (asks[i].fd < 0 || !polls[i].revents)
				continue;
			fine = hear(&asks[i], progress, &over, &err);
			if (!fine && first->kind == ERR_NONE)
				*first = err;
			if (!over)
				continue;
			file_close(&asks[i].fd);
			left--;
		}
	}
	return first->kind == ERR_NONE;
}

bool ask_link(struct link_ask *asks, size_t count, const struct link_limit *limit,
	      struct err *err)
{
	struct progress progress;
	struct err first = { 0 };
	bool done = true;

	for (size_t i = 0; done && i < count; i++)
		done = say(&asks[i], err);
	if (done) {
		progress_begin(&progress);
		done = hear_all(asks, count, limit, &progress, &first);
		progress_end(&progress);
		*err = first;
	}
	for (size_t i = 0; i < count; i++)
		file_close(&asks[i].fd);
	return done;
}
