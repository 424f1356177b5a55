#include "programs/lontar-smtpd/worker.h"

#include "base/file.h"
#include "base/log.h"
#include "programs/lontar-smtpd/mail.h"
#include "programs/lontar-smtpd/session.h"

static struct session *at_place(const struct worker *worker, uint32_t tag)
{
	return worker->sessions[tag % WORKER_SESSIONS_MAX];
}

/* A session that has ended, or another message, has no use for an old answer. */
static bool on_auth_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct worker *worker = ctx;
	struct session *session = at_place(worker, packet->tag);
	struct auth_permit permit;
	struct auth_result result;

	(void)peer;
	file_close(&fd);
	if (session && session->tag != packet->tag)
		session = NULL;
	switch (packet->type) {
	case AUTH_PERMIT:
		if (!auth_permit_get(packet, &permit))
			return false;
		if (session && worker->amend)
			worker->amend(&permit);
		if (session)
			session_on_permit(session, &permit);
		return true;
	case AUTH_RESULT:
		if (!auth_result_get(packet, &result))
			return false;
		if (session)
			session_on_result(session, &result);
		return true;
	default:
		return false;
	}
}

static bool on_deliver_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct worker *worker = ctx;
	struct session *session = at_place(worker, packet->tag);
	struct intake_verdict verdict;

	(void)peer;
	if (session && session->mail_tag != packet->tag)
		session = NULL;
	if (packet->type == INTAKE_OPEN && packet_end(packet) && fd >= 0) {
		if (session)
			mail_on_open(session, fd);
		else
			file_close(&fd);
		return true;
	}
	file_close(&fd);
	if (packet->type != INTAKE_VERDICT || !intake_verdict_get(packet, &verdict))
		return false;
	if (session)
		mail_on_verdict(session, &verdict);
	return true;
}

void worker_expel(struct worker *worker, const char *why)
{
	worker->stopping = true;
	for (size_t i = 0; i < WORKER_SESSIONS_MAX; i++)
		if (worker->sessions[i])
			session_expel(worker->sessions[i], "4.3.0",
				      "something is wrong here, try again later", why);
}

static void lose(struct worker *worker, const char *who)
{
	worker_expel(worker, who);
	worker->on_lost(worker, who);
}

static void on_auth_closed(void *ctx, struct peer *peer)
{
	struct worker *worker = ctx;

	(void)peer;
	worker->auth = NULL;
	lose(worker, "lontar-auth is gone");
}

static void on_deliver_closed(void *ctx, struct peer *peer)
{
	struct worker *worker = ctx;

	(void)peer;
	worker->deliver = NULL;
	lose(worker, "lontar-deliver is gone");
}

void worker_begin(struct worker *worker, struct ev_loop *loop, int auth_fd,
		  int deliver_fd)
{
	static const struct peer_handler auth = { on_auth_packet, on_auth_closed };
	static const struct peer_handler deliver = { on_deliver_packet,
						     on_deliver_closed };

	worker->loop = loop;
	worker->count_max = 1;
	worker->ask = BUF_INIT(PACKET_MAX);
	if (auth_fd >= 0)
		worker->auth = peer_open(loop, auth_fd, &auth, worker);
	worker->deliver = peer_open(loop, deliver_fd, &deliver, worker);
}

void worker_clear(struct worker *worker)
{
	peer_close(worker->auth);
	peer_close(worker->deliver);
	worker->auth = worker->deliver = NULL;
	tls_server_free(worker->tls);
	worker->tls = NULL;
	buf_clear(&worker->ask);
}

size_t worker_place(const struct worker *worker)
{
	size_t place = 0;

	while (place < WORKER_SESSIONS_MAX && worker->sessions[place])
		place++;
	return place;
}

uint32_t worker_tag(struct worker *worker, size_t place)
{
	worker->last_tag += WORKER_SESSIONS_MAX;
	return worker->last_tag + (uint32_t)place;
}

void worker_stop(struct worker *worker)
{
	worker->stopping = true;
	for (size_t i = 0; i < WORKER_SESSIONS_MAX; i++)
		if (worker->sessions[i] && !mail_is_committing(worker->sessions[i]))
			session_expel(worker->sessions[i], "4.3.2",
				      "closing now, try again soon", "stopped");
}
