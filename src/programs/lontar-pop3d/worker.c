#include "programs/lontar-pop3d/worker.h"

#include <fcntl.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "programs/lontar-pop3d/session.h"

static struct session *find(const struct worker *worker, uint32_t tag)
{
	struct session *session = worker->sessions;

	while (session && session->tag != tag)
		session = session->next;
	return session;
}

/* A session that has ended meanwhile has no use for its answer. */
static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct session *session = find(ctx, packet->tag);
	struct auth_permit permit;
	struct auth_result result;

	(void)peer;
	switch (packet->type) {
	case AUTH_PERMIT:
		file_close(&fd);
		if (!auth_permit_get(packet, &permit))
			return false;
		if (session)
			session_on_permit(session, &permit);
		return true;
	case AUTH_RESULT:
		if (!auth_result_get(packet, &result)) {
			file_close(&fd);
			return false;
		}
		if (session)
			session_on_result(session, &result, fd);
		else
			file_close(&fd);
		return true;
	default:
		file_close(&fd);
		return false;
	}
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct worker *worker = ctx;
	struct session *next;

	(void)peer;
	worker->auth = NULL;
	worker->stopping = true;
	for (struct session *session = worker->sessions; session; session = next) {
		next = session->next;
		session_stop(session, span_of(SESSION_TEMPORARY), "lontar-auth is gone");
	}
	worker->on_auth_lost(worker);
}

bool worker_begin(struct worker *worker, struct ev_loop *loop, struct err *err)
{
	static const struct peer_handler handler = { on_packet, on_closed };
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);
	int auth_fd;

	if (root_fd < 0)
		return false;
	auth_fd = channel_connect(root_fd, "auth", err);
	if (auth_fd < 0)
		return false;
	*worker = (struct worker){ .loop = loop, .ask = BUF_INIT(PACKET_MAX) };
	worker->auth = peer_open(loop, auth_fd, &handler, worker);
	return true;
}

void worker_clear(struct worker *worker)
{
	peer_close(worker->auth);
	worker->auth = NULL;
	tls_server_free(worker->tls);
	buf_clear(&worker->ask);
}

void worker_stop(struct worker *worker)
{
	struct session *next;

	worker->stopping = true;
	for (struct session *session = worker->sessions; session; session = next) {
		next = session->next;
		session_stop_if_idle(session);
	}
}
