#include "session/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "session/client.h"

struct client *worker_client(const struct worker *worker, uint32_t tag)
{
	return worker->clients[tag % WORKER_CLIENTS_MAX];
}

/* A session that has ended meanwhile has no use for its answer. */
static bool on_auth_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct worker *worker = ctx;
	struct client *client = worker_client(worker, packet->tag);
	struct auth_permit permit;
	struct auth_result result;

	(void)peer;
	if (client && client->tag != packet->tag)
		client = NULL;
	if (packet->type == AUTH_RESULT && auth_result_get(packet, &result)) {
		if (client)
			worker->protocol->on_result(client, &result, fd);
		else
			file_close(&fd);
		return true;
	}
	file_close(&fd);
	if (packet->type != AUTH_PERMIT || !auth_permit_get(packet, &permit))
		return false;
	if (client)
		worker->protocol->on_permit(client, &permit);
	return true;
}

static void on_auth_closed(void *ctx, struct peer *peer)
{
	struct worker *worker = ctx;

	(void)peer;
	worker->auth = NULL;
	worker_lose(worker, "lontar-auth is gone");
}

bool worker_begin(struct worker *worker, struct ev_loop *loop, enum worker_auth auth,
		  struct err *err)
{
	static const struct peer_handler handler = { on_auth_packet, on_auth_closed };
	const struct protocol *protocol = worker->protocol;
	AUTO_FD root_fd = file_open_dir(AT_FDCWD, ".", err);
	int auth_fd = -1;

	worker->loop = loop;
	worker->ask = BUF_INIT(PACKET_MAX);
	if (root_fd < 0)
		return false;
	if (auth != WORKER_AUTH_UNASKED)
		auth_fd = channel_connect(root_fd, "auth", err);
	if (auth_fd < 0 && auth == WORKER_AUTH_NEEDED)
		return false;
	if (auth_fd >= 0)
		worker->auth = peer_open(loop, auth_fd, &handler, worker);
	return !protocol->connect || protocol->connect(worker, root_fd, err);
}

void worker_hang_up(struct worker *worker)
{
	peer_close(worker->auth);
	worker->auth = NULL;
	if (worker->protocol->disconnect)
		worker->protocol->disconnect(worker);
}

void worker_clear(struct worker *worker)
{
	worker_hang_up(worker);
	tls_server_free(worker->tls);
	worker->tls = NULL;
	buf_clear(&worker->ask);
}

static char *put_digits(char *out, uint64_t number, unsigned digits)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

	for (unsigned i = digits; i > 0; i--, number >>= 5)
		out[i - 1] = letters[number & 31];
	out[digits] = '\0';
	return out + digits;
}

/* Time and process: no other session has these, here or in the other workers. */
static void make_id(struct worker *worker, char id_out[CLIENT_ID_MAX])
{
	int64_t now_us = clock_wall_us();

	worker->last_us = now_us > worker->last_us ? now_us : worker->last_us + 1;
	put_digits(put_digits(id_out, (uint64_t)worker->last_us, 11), (uint64_t)getpid(),
		   5);
}

static void take_place(struct worker *worker, struct client *client)
{
	size_t place = 0;

	while (worker->clients[place])
		place++;
	worker->clients[place] = client;
	worker->count++;
	client->worker = worker;
	client->place = place;
	client->tag = client_tag(client);
}

struct client *worker_let_in(struct worker *worker, int in_fd, int out_fd,
			     const char *service, const char *ip)
{
	const struct protocol *protocol = worker->protocol;
	struct client *client = protocol->new_client(in_fd);

	take_place(worker, client);
	make_id(worker, client->id);
	snprintf(client->service, sizeof(client->service), "%s", service);
	snprintf(client->ip, sizeof(client->ip), "%s", ip);
	client->connection = connection_open(worker->loop, in_fd, out_fd,
					     protocol->on_connection, client);
	client->timeout_ms = protocol->timeout_ms;
	client_renew(client);
	if (client_is_tls_service(client))
		connection_start_tls(client->connection, worker->tls);
	if (worker->auth) {
		auth_hello_put(&worker->ask, client->tag,
			       &(struct auth_hello){ span_of(client->service),
						     span_of(client->ip) });
		peer_send(worker->auth, &worker->ask, -1);
	}
	return client;
}

void worker_stop(struct worker *worker)
{
	worker->stopping = true;
	for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
		if (worker->clients[i])
			worker->protocol->stop(worker->clients[i]);
}

void worker_expel(struct worker *worker, const char *why)
{
	worker->stopping = true;
	for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
		if (worker->clients[i])
			worker->protocol->expel(worker->clients[i], why);
}

void worker_lose(struct worker *worker, const char *who)
{
	worker_expel(worker, who);
	worker->on_lost(worker->keeper, who);
}
