#include "programs/lontar-auth/helper.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ipc/peer.h"

#define ANSWER_S 40. /* lontar-checkpw gives up by itself before */

struct helper {
	struct auth *auth;
	struct peer *peer; /* NULL: it could not be asked */
	ev_timer deadline;
	void (*done)(void *ctx, enum auth_verdict verdict);
	void *ctx;
};

static void conclude(struct helper *helper, enum auth_verdict verdict)
{
	ev_timer_stop(helper->auth->service.loop, &helper->deadline);
	helper->done(helper->ctx, verdict);
	free(helper);
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct auth_result result;

	file_close(&fd);
	if (packet->type != AUTH_RESULT || !auth_result_get(packet, &result) ||
	    result.verdict > AUTH_LATER)
		return false;
	peer_close(peer);
	conclude(ctx, (enum auth_verdict)result.verdict);
	return true;
}

static void on_closed(void *ctx, struct peer *peer)
{
	(void)peer;
	log_warning("auth: lontar-checkpw ended without an answer");
	conclude(ctx, AUTH_LATER);
}

static const struct peer_handler handler = { on_packet, on_closed };

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct helper *helper = watcher->data;

	(void)loop;
	(void)events;
	if (helper->peer)
		log_warning("auth: lontar-checkpw does not answer");
	peer_close(helper->peer);
	conclude(helper, AUTH_LATER);
}

void helper_ask(struct auth *auth, const char *user, const char *password,
		void (*done)(void *ctx, enum auth_verdict verdict), void *ctx)
{
	struct helper *helper = must_alloc(sizeof(*helper));
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err err;
	int pair[2];

	*helper = (struct helper){ .auth = auth, .done = done, .ctx = ctx };
	if (file_socketpair(pair, &err)) {
		service_start(&auth->service, "checkpw", user, pair[1]);
		helper->peer = peer_open(auth->service.loop, pair[0], &handler, helper);
		auth_login_put(&out, 0,
			       &(struct auth_login){ span_of(user), span_of(password) });
		peer_send(helper->peer, &out, -1);
		explicit_bzero(out.data, out.len);
	} else {
		log_failure(&err);
	}
	ev_timer_init(&helper->deadline, on_deadline, helper->peer ? ANSWER_S : 0., 0.);
	helper->deadline.data = helper;
	ev_timer_start(auth->service.loop, &helper->deadline);
}
