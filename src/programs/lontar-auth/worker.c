#include "programs/lontar-auth/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "control/accounts.h"
#include "deliver/local_user.h"
#include "programs/lontar-auth/login.h"
#include "programs/lontar-auth/permit.h"

#define SLOTS     256
#define NAME_ROOM (ACCOUNT_NAME_MAX + 16)

struct worker {
	struct auth *auth;
	struct peer *peer;
	struct session *slots[SLOTS];
};

/* Where the session with this tag is linked, or would be. */
static struct session **place_of(struct worker *worker, uint32_t tag)
{
	struct session **at = &worker->slots[tag % SLOTS];

	while (*at && (*at)->tag != tag)
		at = &(*at)->next;
	return at;
}

static void end_session(struct session **at)
{
	struct session *session = *at;

	*at = session->next;
	if (session->login)
		login_abandon(session->login);
	remotes_leave(session->worker->auth->remotes, session->remote_ip);
	free(session);
}

static bool on_hello(struct worker *worker, struct packet *packet)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct session **at = place_of(worker, packet->tag);
	struct session *session;
	struct auth_hello hello;

	if (*at || !auth_hello_get(packet, &hello))
		return false;
	session = must_alloc(sizeof(*session));
	session->worker = worker;
	session->tag = packet->tag;
	if (!packet_text_copy(hello.service, session->service,
			      sizeof(session->service)) ||
	    !packet_text_copy(hello.remote_ip, session->remote_ip,
			      sizeof(session->remote_ip))) {
		free(session);
		return false;
	}
	if (permit(worker->auth, session->service, session->remote_ip, session->tag,
		   &out))
		*at = session;
	else
		free(session);
	peer_send(worker->peer, &out, -1);
	return true;
}

static bool on_login(struct worker *worker, struct packet *packet)
{
	struct session *session = *place_of(worker, packet->tag);
	struct auth_login asked;

	if (!session || session->login || !auth_login_get(packet, &asked))
		return false;
	login_begin(worker->auth, session, &asked);
	return true;
}

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct worker *worker = ctx;
	struct session **at;

	(void)peer;
	file_close(&fd);
	switch (packet->type) {
	case AUTH_HELLO:
		return on_hello(worker, packet);
	case AUTH_LOGIN:
		return on_login(worker, packet);
	case AUTH_BYE:
		/* Also of one who was refused, and so is not there. */
		at = place_of(worker, packet->tag);
		if (*at)
			end_session(at);
		return packet_end(packet);
	default:
		return false;
	}
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct worker *worker = ctx;

	(void)peer;
	for (size_t i = 0; i < SLOTS; i++)
		while (worker->slots[i])
			end_session(&worker->slots[i]);
	free(worker);
}

static const struct peer_handler handler = { on_packet, on_closed };

static bool is_ours(const struct auth *auth, uid_t uid)
{
	return uid == 0 || uid == geteuid() || uid == auth->workers_uid ||
	       uid == auth->web_uid;
}

void worker_take(struct auth *auth, int fd)
{
	struct worker *worker = must_alloc(sizeof(*worker));

	worker->auth = auth;
	worker->peer = peer_open(auth->service.loop, fd, &handler, worker);
	if (is_ours(auth, peer_uid(worker->peer)))
		return;
	log_debug("auth stranger uid=%u", (unsigned)peer_uid(worker->peer));
	peer_close(worker->peer);
	free(worker);
}

/* A user of the system reads his own Maildir, as himself; anybody else's is below mail/.
 */
static bool name_mailbox(const struct auth *auth, const struct worker_answer *answer,
			 char name_out[NAME_ROOM], struct err *err)
{
	struct local_search search = { .root_fd = -1, .control_fd = auth->control_fd };
	struct local_user user;
	bool is_system = answer->is_elsewhere &&
			 local_system_find(&search, answer->user, &user, err);

	if (answer->is_elsewhere && !is_system && err->kind == ERR_TEMPORARY)
		return false;
	/* He logged in by his name, not by an address of his. */
	snprintf(name_out, NAME_ROOM, "%s%s",
		 is_system && !user.dash[0] && !user.ext[0] ? "system:" : "",
		 answer->user);
	return true;
}

/* For a POP3 session: its end of the socket to a mailbox program that was asked for. -1
 * where that is not to be had; err says why. */
static int start_mailbox(struct session *session, const struct worker_answer *answer,
			 struct err *err)
{
	char name[NAME_ROOM];
	int pair[2];

	if (!name_mailbox(session->worker->auth, answer, name, err) ||
	    !file_socketpair(pair, err)) {
		err_context(err, "open the mailbox of %s", answer->user);
		return -1;
	}
	service_start(&session->worker->auth->service, "mailbox", name, pair[1]);
	return pair[0];
}

void worker_answer(struct session *session, const struct worker_answer *answer)
{
	struct auth_result result = { .verdict = answer->verdict,
				      .text = span_of(answer->text) };
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	AUTO_FD mailbox = -1;
	struct err err = { 0 };

	session->login = NULL;
	if (answer->verdict == AUTH_YES && strncmp(session->service, "pop3", 4) == 0) {
		mailbox = start_mailbox(session, answer, &err);
		if (mailbox < 0) {
			log_failure(&err);
			result.verdict = AUTH_LATER;
			result.text =
				span_of("your mailbox cannot be opened now, try later");
		}
	}
	result.user = span_of(result.verdict == AUTH_YES ? answer->user : "");
	auth_result_put(&out, session->tag, &result);
	peer_send(session->worker->peer, &out, mailbox);
}
