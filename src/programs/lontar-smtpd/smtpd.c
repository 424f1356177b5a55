#include "programs/lontar-smtpd/smtpd.h"

#include "base/file.h"
#include "ipc/channel.h"
#include "programs/lontar-smtpd/mail.h"
#include "programs/lontar-smtpd/session.h"

/* A session that has ended, or another message, has no use for an old answer. */
static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct smtpd *smtpd = ctx;
	struct session *session =
		(struct session *)worker_client(&smtpd->worker, packet->tag);
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

static void on_closed(void *ctx, struct peer *peer)
{
	struct smtpd *smtpd = ctx;

	(void)peer;
	smtpd->deliver = NULL;
	worker_lose(&smtpd->worker, "lontar-deliver is gone");
}

static bool connect_deliver(struct worker *worker, int root_fd, struct err *err)
{
	static const struct peer_handler handler = { on_packet, on_closed };
	struct smtpd *smtpd = (struct smtpd *)worker;
	int fd = channel_connect(root_fd, "deliver", err);

	if (fd < 0)
		return false;
	smtpd->deliver = peer_open(worker->loop, fd, &handler, smtpd);
	return true;
}

static void disconnect_deliver(struct worker *worker)
{
	struct smtpd *smtpd = (struct smtpd *)worker;

	peer_close(smtpd->deliver);
	smtpd->deliver = NULL;
}

static void stop(struct client *client)
{
	struct session *session = (struct session *)client;

	if (!mail_is_committing(session))
		session_expel(session, "4.3.2", "closing now, try again soon", "stopped");
}

static void expel(struct client *client, const char *why)
{
	session_expel((struct session *)client, "4.3.0",
		      "something is wrong here, try again later", why);
}

const struct protocol smtpd_protocol = {
	.tls_service = "smtps",
	.clients_max = WORKER_CLIENTS_MAX,
	.client_fds = 3, /* the client, a draft, a message before its draft */
	.stop_s = 5.0,   /* for what is being committed */
	.timeout_ms = 60000,
	.connect = connect_deliver,
	.disconnect = disconnect_deliver,
	.new_client = session_new,
	.on_connection = session_on_connection,
	.on_permit = session_on_permit,
	.on_result = session_on_result,
	.stop = stop,
	.expel = expel,
};
