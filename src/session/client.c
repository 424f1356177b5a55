#include "session/client.h"

#include <string.h>

uint32_t client_tag(const struct client *client)
{
	struct worker *worker = client->worker;

	worker->last_tag += WORKER_CLIENTS_MAX;
	if (worker->last_tag == 0)
		worker->last_tag = WORKER_CLIENTS_MAX;
	return worker->last_tag + (uint32_t)client->place;
}

bool client_is_tls_service(const struct client *client)
{
	return strcmp(client->service, client->worker->protocol->tls_service) == 0;
}

struct span client_tls(const struct client *client)
{
	const char *described = connection_tls(client->connection);

	if (!described)
		described = "no";
	return (struct span){ described, strcspn(described, " ") };
}

void client_renew(struct client *client)
{
	connection_set_deadline(client->connection, client->timeout_ms);
}

void client_ask_login(const struct client *client, struct span user, struct span password)
{
	struct worker *worker = client->worker;

	auth_login_put(&worker->ask, client->tag, &(struct auth_login){ user, password });
	if (worker->auth)
		peer_send(worker->auth, &worker->ask, -1);
	explicit_bzero(worker->ask.data, worker->ask.len);
}

void client_leave(struct client *client)
{
	struct worker *worker = client->worker;

	if (worker->auth) {
		packet_begin(&worker->ask, AUTH_BYE, client->tag);
		peer_send(worker->auth, &worker->ask, -1);
	}
	connection_finish(client->connection);
	worker->clients[client->place] = NULL;
	worker->count--;
	worker->on_leave(worker->keeper);
}
