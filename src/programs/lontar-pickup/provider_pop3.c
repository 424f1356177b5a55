#include "pop3/client.h"

#include <stdlib.h>

#include "programs/lontar-pickup/provider.h"

_Static_assert(POP3_CLIENT_MESSAGES_MAX == PROVIDER_LISTING_MAX,
	       "one bound for all listings");

struct pop3 {
	struct pop3_offer offer;
	struct pop3_client *client;
	const struct provider_hooks *hooks;
	void *ctx;
};

static const enum pop3_ask asks[] = {
	[PROVIDER_FETCH] = POP3_ASK_RETR,   [PROVIDER_HEADER] = POP3_ASK_TOP,
	[PROVIDER_IDENTITY] = POP3_ASK_TOP, [PROVIDER_DELETE] = POP3_ASK_DELE,
	[PROVIDER_QUIT] = POP3_ASK_QUIT,
};

static bool needs_octets(void *ctx, size_t message)
{
	struct pop3 *pop3 = ctx;
	uint64_t ignored;

	return pop3->hooks->knows(pop3->ctx, message, &ignored) != PROVIDER_SIZED;
}

static void on_listed(void *ctx)
{
	struct pop3 *pop3 = ctx;

	pop3->hooks->on_listed(pop3->ctx);
}

static void on_piece(void *ctx, size_t message, struct span stored)
{
	struct pop3 *pop3 = ctx;

	pop3->hooks->on_piece(pop3->ctx, message, stored);
}

static void on_answer(void *ctx, const struct pop3_client_answer *answer)
{
	struct pop3 *pop3 = ctx;
	struct provider_answer told = { .message = answer->message,
					.done = answer->done,
					.text = answer->text };

	while (asks[told.ask] != answer->ask)
		told.ask++;
	pop3->hooks->on_answer(pop3->ctx, &told);
}

static void *open_pop3(const struct remote_mailbox *mailbox, struct span offer,
		       const struct provider_hooks *hooks, void *ctx)
{
	static const struct pop3_client_hooks whole = { NULL, on_listed, on_piece,
							on_answer },
					      uids_first = { needs_octets, on_listed,
							     on_piece, on_answer };
	struct pop3 *pop3 = must_alloc(sizeof(*pop3));
	struct span line;

	(void)mailbox;
	*pop3 = (struct pop3){ .hooks = hooks, .ctx = ctx };
	while (span_cut(&offer, '\n', &line))
		pop3_offer_line(&pop3->offer, line);
	pop3->client = pop3_client_new(&pop3->offer,
				       hooks->knows_most ? &uids_first : &whole, pop3);
	return pop3;
}

static void close_pop3(void *engine)
{
	struct pop3 *pop3 = engine;

	pop3_client_free(pop3->client);
	free(pop3);
}

static struct buf *outgoing(void *engine)
{
	return pop3_client_commands(((struct pop3 *)engine)->client);
}

static bool receive(void *engine, struct span bytes, struct err *err)
{
	struct pop3 *pop3 = engine;

	if (pop3_client_feed(pop3->client, bytes))
		return true;
	*err = *pop3_client_failure(pop3->client);
	return false;
}

static const struct pop3_client *client_of(const void *engine)
{
	return ((const struct pop3 *)engine)->client;
}

static size_t count(const void *engine)
{
	return pop3_client_count(client_of(engine));
}

static uint64_t octets(const void *engine, size_t message)
{
	return pop3_client_octets(client_of(engine), message);
}

static void key(const void *engine, size_t message, char key_out[DIGEST_TEXT_MAX])
{
	provider_key_of(pop3_client_uid(client_of(engine), message), key_out);
}

static uint64_t listing_bytes(const void *engine)
{
	return pop3_client_listing_bytes(client_of(engine));
}

static bool has_headers(const void *engine)
{
	return ((const struct pop3 *)engine)->offer.top;
}

/* UIDLs have nothing in common that would change with them. */
static bool is_renumbered(const void *engine)
{
	(void)engine;
	return false;
}

static bool note_numbers(void *engine, struct err *err)
{
	(void)engine;
	(void)err;
	return true;
}

static bool may_ask(const void *engine)
{
	return pop3_client_may_ask(client_of(engine));
}

static void ask(void *engine, enum provider_ask what, size_t message)
{
	pop3_client_ask(((struct pop3 *)engine)->client, asks[what], message);
}

static size_t awaited(const void *engine)
{
	return pop3_client_awaited(client_of(engine));
}

const struct provider_kind provider_pop3 = {
	.dial = DIAL_POP3,
	.names = { "POP3", "POP3S" },
	.removes_at_quit = true,
	.open = open_pop3,
	.close = close_pop3,
	.outgoing = outgoing,
	.receive = receive,
	.count = count,
	.octets = octets,
	.octets_left = octets,
	.key = key,
	.listing_bytes = listing_bytes,
	.has_headers = has_headers,
	.is_renumbered = is_renumbered,
	.note_numbers = note_numbers,
	.may_ask = may_ask,
	.ask = ask,
	.awaited = awaited,
};
