/* A hostile server against the POP3 client engine: every ask has at most one answer, in
 * order, nothing is said of a message that is not listed, memory stays bounded. */
#include <assert.h>
#include <stdint.h>

#include "pop3/client.h"

struct watched {
	struct pop3_client *client;
	bool listed;
	size_t asked;
	size_t answered;
};

static void on_listed(void *ctx)
{
	struct watched *watched = ctx;

	assert(!watched->listed);
	watched->listed = true;
	for (size_t i = 0; i < pop3_client_count(watched->client); i++)
		assert(pop3_client_uid(watched->client, i).len <= 255);
}

static void on_piece(void *ctx, size_t message, struct span stored)
{
	struct watched *watched = ctx;

	assert(watched->listed && stored.len && stored.len <= 32768);
	assert(message < pop3_client_count(watched->client));
}

static void on_answer(void *ctx, const struct pop3_client_answer *answer)
{
	struct watched *watched = ctx;

	assert(watched->answered++ < watched->asked);
	assert(answer->ask == POP3_ASK_QUIT ||
	       answer->message < pop3_client_count(watched->client));
}

static bool needs_octets(void *ctx, size_t message)
{
	const struct watched *watched = ctx;

	assert(!watched->listed && message < pop3_client_count(watched->client));
	return message % 3;
}

static const struct pop3_client_hooks hooks = { NULL, on_listed, on_piece, on_answer };
static const struct pop3_client_hooks uids_first = { needs_octets, on_listed, on_piece,
						     on_answer };

static void ask(struct watched *watched)
{
	static const enum pop3_ask asks[] = { POP3_ASK_RETR, POP3_ASK_DELE,
					      POP3_ASK_TOP };
	size_t count = pop3_client_count(watched->client);

	while (pop3_client_may_ask(watched->client)) {
		if (!count || watched->asked == 40) {
			pop3_client_ask(watched->client, POP3_ASK_QUIT, 0);
			watched->asked++;
			return;
		}
		pop3_client_ask(watched->client, asks[watched->asked % 3],
				watched->asked % count);
		watched->asked++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct watched watched = { 0 };
	bool goes_on = true;

	if (!size)
		return 0;
	watched.client = pop3_client_new(
		&(struct pop3_offer){ .pipelining = data[0] & 1, .top = data[0] & 2 },
		data[0] & 4 ? &uids_first : &hooks, &watched);
	data++;
	size--;
	while (goes_on && size) {
		/* Replies come in pieces of a size that the input chooses. */
		size_t piece = 1 + data[0] % 64;
		struct buf *commands = pop3_client_commands(watched.client);

		piece = piece < size ? piece : size;
		goes_on = pop3_client_feed(watched.client,
					   (struct span){ (const char *)data, piece });
		data += piece;
		size -= piece;
		ask(&watched);
		buf_consume(commands, commands->len);
	}
	pop3_client_free(watched.client);
	return 0;
}
