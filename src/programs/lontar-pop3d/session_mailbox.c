#include "base/file.h"
#include "base/log.h"
#include "ipc/mailbox.h"
#include "programs/lontar-pop3d/session.h"

#define DELETE_MAX 1000 /* numbers in one MAILBOX_DELETE */

static bool take_listing(struct session *session, struct packet *packet)
{
	uint64_t left = packet_get_number(packet);

	if (left > MAILBOX_LISTING_MAX)
		return false;
	for (; left > 0; left--) {
		uint64_t octets = packet_get_number(packet);
		struct span uid = packet_get_text(packet);

		if (packet->bad || !pop3_server_add(session->server, octets, uid))
			return false;
	}
	return packet_end(packet);
}

static void admit(struct session *session)
{
	log_info("pop3 login session=%s ip=%s user=%s messages=%zu", session->client.id,
		 session->client.ip, session->user, pop3_server_count(session->server));
	session->asked = POP3_WAIT;
	session->client.timeout_ms = session->full_timeout_ms;
	pop3_server_admit(session->server);
}

static void fail(struct session *session, struct span text)
{
	enum pop3_event asked = session->asked;

	session->asked = POP3_WAIT;
	if (asked == POP3_LOGIN) {
		log_info("pop3 refused session=%s ip=%s user=%s text=%.*s",
			 session->client.id, session->client.ip, session->user,
			 SPAN_ARG(text));
		peer_close(session->mailbox);
		session->mailbox = NULL;
		pop3_server_reject(session->server, text);
	} else if (asked == POP3_OPEN) {
		pop3_server_missing(session->server, text);
	} else if (asked == POP3_UPDATE) {
		pop3_server_updated(session->server, false);
	}
}

/* The descriptor is the session's now. */
static bool take_message(struct session *session, int fd)
{
	if (fd < 0)
		return false;
	session->message_fd = fd;
	session->offset = 0;
	session->asked = POP3_WAIT;
	pop3_server_opened(session->server);
	return true;
}

static bool take(struct session *session, struct packet *packet, int *fd)
{
	bool answers = packet->tag == pop3_server_message(session->server);
	struct mailbox_failed failed;

	switch (packet->type) {
	case MAILBOX_LISTING:
		return session->asked == POP3_LOGIN && take_listing(session, packet);
	case MAILBOX_LISTED:
		if (session->asked != POP3_LOGIN)
			return false;
		admit(session);
		return true;
	case MAILBOX_FAILED:
		if (!mailbox_failed_get(packet, &failed))
			return false;
		fail(session, failed.text);
		return true;
	case MAILBOX_OPENED:
		if (session->asked != POP3_OPEN || !answers ||
		    !take_message(session, *fd))
			return false;
		*fd = -1;
		return true;
	case MAILBOX_DONE:
		if (session->asked != POP3_UPDATE)
			return false;
		session->asked = POP3_WAIT;
		pop3_server_updated(session->server, true);
		return true;
	default:
		return false;
	}
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct session *session = ctx;
	bool sense = take(session, packet, &fd);

	(void)peer;
	file_close(&fd);
	if (sense && packet->type != MAILBOX_LISTING)
		session_go_on(session);
	return sense;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct session *session = ctx;

	(void)peer;
	session->mailbox = NULL;
	if (session->asked == POP3_LOGIN) {
		fail(session, span_of(SESSION_TEMPORARY));
		session_go_on(session);
		return;
	}
	session_stop(session, span_of(SESSION_TEMPORARY), "lontar-mailbox is gone");
}

void session_mailbox_open(struct session *session, int mailbox_fd)
{
	static const struct peer_handler handler = { on_packet, on_closed };

	session->mailbox =
		peer_open(session->client.worker->loop, mailbox_fd, &handler, session);
}

void session_mailbox_ask(struct session *session)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	packet_begin(&out, MAILBOX_OPEN, (uint32_t)pop3_server_message(session->server));
	peer_send(session->mailbox, &out, -1);
}

void session_mailbox_update(struct session *session)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	size_t count = pop3_server_count(session->server);
	uint64_t numbers[DELETE_MAX];

	for (size_t i = 0; i < count;) {
		size_t some = 0;

		for (; i < count && some < DELETE_MAX; i++)
			if (pop3_server_is_marked(session->server, i))
				numbers[some++] = i;
		packet_begin(&out, MAILBOX_DELETE, 0);
		packet_put_number(&out, some);
		for (size_t n = 0; n < some; n++)
			packet_put_number(&out, numbers[n]);
		if (some)
			peer_send(session->mailbox, &out, -1);
	}
	packet_begin(&out, MAILBOX_QUIT, 0);
	peer_send(session->mailbox, &out, -1);
}
