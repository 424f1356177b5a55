#include "pop3/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mail/wire.h"
#include "pop3/client_listing.h"

#define LINE_MAX_BYTES 1024 /* what is longer is cut: only its end matters then */
#define LINE_LONGEST   ((size_t)256 * 1024) /* and what is longer than that is no POP3 */
#define LISTING_MAX    ((uint64_t)64 * 1024 * 1024)
#define ASKS_MAX       32                      /* on their way at a time, */
#define ASKED_OCTETS   ((uint64_t)1024 * 1024) /* and so much of messages */
#define COMMANDS_MAX   ((size_t)8 * 1024)
#define PIECE_MAX      ((size_t)32 * 1024)

/* One command that was sent and not answered. */
struct asked {
	enum pop3_ask ask;
	size_t message;
};

struct pop3_client {
	struct pop3_offer offer;
	const struct pop3_client_hooks *hooks;
	void *ctx;
	struct asked asked[ASKS_MAX]; /* a ring, the next answer's at first */
	size_t first;
	size_t count;
	uint64_t octets; /* of the messages among them */
	bool in_list;    /* of the first, lines follow up to a dot */
	bool uids_first;
	size_t sizes_next; /* uids_first: asked for one by one, up to here */
	bool listed;
	bool quit;
	uint64_t listing_bytes;
	struct pop3_listing listing;
	struct wire_decoder decoder;
	struct buf line;
	size_t line_len; /* with what was cut */
	struct buf piece;
	struct buf commands;
	struct err failure;
};

void pop3_offer_line(struct pop3_offer *offer, struct span line)
{
	struct span word;

	if (!span_cut(&line, ' ', &word))
		return;
	if (span_is_word(word, "PIPELINING"))
		offer->pipelining = true;
	else if (span_is_word(word, "TOP"))
		offer->top = true;
}

static struct asked *first_of(struct pop3_client *client)
{
	return &client->asked[client->first];
}

static uint64_t octets_of(const struct pop3_client *client, const struct asked *asked)
{
	return asked->ask == POP3_ASK_RETR ? pop3_client_octets(client, asked->message)
					   : 0;
}

static void say(struct pop3_client *client, enum pop3_ask ask, size_t message)
{
	static const struct {
		const char *verb;
		const char *end; /* behind the message's number; NULL: there is none */
	} words[] = {
		[POP3_ASK_LIST] = { "LIST", NULL }, [POP3_ASK_UIDL] = { "UIDL", NULL },
		[POP3_ASK_SIZE] = { "LIST", "" },   [POP3_ASK_RETR] = { "RETR", "" },
		[POP3_ASK_TOP] = { "TOP", " 0" },   [POP3_ASK_DELE] = { "DELE", "" },
		[POP3_ASK_QUIT] = { "QUIT", NULL },
	};
	struct asked *asked = &client->asked[(client->first + client->count) % ASKS_MAX];
	bool kept;

	assert(client->count < ASKS_MAX);
	*asked = (struct asked){ ask, message };
	client->count++;
	client->octets += octets_of(client, asked);
	if (words[ask].end)
		kept = buf_appendf(
			&client->commands, "%s %" PRIu64 "%s\r\n", words[ask].verb,
			client->listing.messages[message].number, words[ask].end);
	else
		kept = buf_appendf(&client->commands, "%s\r\n", words[ask].verb);
	assert(kept);
}

struct pop3_client *pop3_client_new(const struct pop3_offer *offer,
				    const struct pop3_client_hooks *hooks, void *ctx)
{
	struct pop3_client *client = must_alloc(sizeof(*client));

	*client = (struct pop3_client){ .offer = *offer,
					.hooks = hooks,
					.ctx = ctx,
					.listing = POP3_LISTING_INIT,
					.line = BUF_INIT(LINE_MAX_BYTES),
					.piece = BUF_INIT(PIECE_MAX),
					.commands = BUF_INIT(COMMANDS_MAX) };
	client->uids_first = hooks->needs_octets != NULL;
	say(client, client->uids_first ? POP3_ASK_UIDL : POP3_ASK_LIST, 0);
	if (offer->pipelining && !client->uids_first)
		say(client, POP3_ASK_UIDL, 0);
	return client;
}

void pop3_client_free(struct pop3_client *client)
{
	if (!client)
		return;
	pop3_listing_clear(&client->listing);
	buf_clear(&client->line);
	buf_clear(&client->piece);
	buf_clear(&client->commands);
	free(client);
}

struct buf *pop3_client_commands(struct pop3_client *client)
{
	return &client->commands;
}

const struct err *pop3_client_failure(const struct pop3_client *client)
{
	return client->failure.kind == ERR_NONE ? NULL : &client->failure;
}

static void forget_first(struct pop3_client *client)
{
	client->octets -= octets_of(client, first_of(client));
	client->first = (client->first + 1) % ASKS_MAX;
	client->count--;
	client->in_list = false;
}

static bool may_go_on(const struct pop3_client *client)
{
	if (client->failure.kind != ERR_NONE || client->quit)
		return false;
	return !client->count || (client->offer.pipelining && client->count < ASKS_MAX &&
				  client->octets < ASKED_OCTETS);
}

static void on_all_listed(struct pop3_client *client)
{
	client->listed = true;
	client->hooks->on_listed(client->ctx);
}

static void on_list_over(struct pop3_client *client)
{
	pop3_listing_sort(&client->listing);
	if (client->uids_first)
		on_all_listed(client);
	else if (!client->offer.pipelining)
		say(client, POP3_ASK_UIDL, 0);
}

static bool needs_octets(const struct pop3_client *client, size_t message)
{
	return client->hooks->needs_octets(client->ctx, message);
}

/* As many as may be under way; where none is any more, all is known. */
static void ask_sizes(struct pop3_client *client)
{
	for (; client->sizes_next < client->listing.count && may_go_on(client);
	     client->sizes_next++)
		if (needs_octets(client, client->sizes_next))
			say(client, POP3_ASK_SIZE, client->sizes_next);
	if (!client->count)
		on_all_listed(client);
}

/* One by one they take more bytes, and without PIPELINING a round trip each. */
static bool is_better_whole(const struct pop3_client *client)
{
	size_t needed = 0, few = client->offer.pipelining ? client->listing.count / 4 : 3;

	for (size_t i = 0; i < client->listing.count; i++)
		needed += needs_octets(client, i);
	return needed > few;
}

static void on_uidl_over(struct pop3_client *client, bool done)
{
	if (client->uids_first)
		pop3_listing_sort(&client->listing);
	pop3_listing_settle(&client->listing);
	if (!client->uids_first)
		on_all_listed(client);
	else if (!done || is_better_whole(client))
		say(client, POP3_ASK_LIST, 0);
	else
		ask_sizes(client);
}

/* The first of what was asked has its whole answer. */
static void answered(struct pop3_client *client, bool done, struct span text)
{
	struct asked asked = *first_of(client);
	struct pop3_client_answer answer = { asked.ask, asked.message, done, text };

	forget_first(client);
	switch (asked.ask) {
	case POP3_ASK_LIST:
		if (done)
			on_list_over(client);
		else
			err_temporary(&client->failure, "4.3.0", "LIST: %.*s",
				      SPAN_ARG(text));
		return;
	case POP3_ASK_UIDL:
		on_uidl_over(client, done);
		return;
	case POP3_ASK_SIZE:
		if (done)
			pop3_listing_one_size(&client->listing, asked.message, text);
		ask_sizes(client);
		return;
	case POP3_ASK_RETR:
	case POP3_ASK_TOP:
	case POP3_ASK_DELE:
	case POP3_ASK_QUIT:
		client->hooks->on_answer(client->ctx, &answer);
		return;
	}
}

static bool has_lines(enum pop3_ask ask)
{
	return ask != POP3_ASK_SIZE && ask != POP3_ASK_DELE && ask != POP3_ASK_QUIT;
}

static void on_status(struct pop3_client *client, struct span line)
{
	bool done = line.len >= 3 && strncasecmp(line.at, "+OK", 3) == 0;
	bool refused = line.len >= 4 && strncasecmp(line.at, "-ERR", 4) == 0;
	struct span text = span_trim(span_after(line, done ? 3 : 4));

	if (!done && !refused) {
		err_temporary(&client->failure, "4.5.0",
			      "the server said \"%.*s\", which is no POP3",
			      line.len > 80 ? 80 : (int)line.len, line.at);
		return;
	}
	if (!done || !has_lines(first_of(client)->ask)) {
		answered(client, done, text);
		return;
	}
	client->in_list = true;
	client->decoder = (struct wire_decoder){ .keep_bare = true };
}

static void on_list_line(struct pop3_client *client, struct span line)
{
	if (span_is(line, "."))
		answered(client, true, (struct span){ "", 0 });
	else if (first_of(client)->ask == POP3_ASK_LIST)
		pop3_listing_size(&client->listing, line);
	else
		pop3_listing_uid(&client->listing, line);
}

static void on_line(struct pop3_client *client, struct span line)
{
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	if (!client->count)
		err_temporary(&client->failure, "4.5.0",
			      "the server spoke without being asked");
	else if (client->in_list)
		on_list_line(client, line);
	else
		on_status(client, line);
}

/* Returns what it took. A line without end is kept up to its bound. */
static size_t take_line(struct pop3_client *client, struct span bytes)
{
	const char *end = memchr(bytes.at, '\n', bytes.len);
	size_t len = end ? (size_t)(end - bytes.at) : bytes.len;
	size_t room = client->line.max - client->line.len;
	bool kept = buf_append(&client->line, bytes.at, len < room ? len : room);

	assert(kept);
	client->line_len += len;
	client->listing_bytes += client->listed ? 0 : len;
	if (client->line_len > LINE_LONGEST || client->listing_bytes > LISTING_MAX) {
		err_temporary(&client->failure, "4.5.0", "the server never ends a line");
		return len;
	}
	if (!end)
		return len;
	client->line_len = 0;
	on_line(client, buf_span(&client->line));
	buf_reset(&client->line);
	return len + 1;
}

static bool is_in_message(struct pop3_client *client)
{
	return client->count && client->in_list &&
	       (first_of(client)->ask == POP3_ASK_RETR ||
		first_of(client)->ask == POP3_ASK_TOP);
}

static size_t take_message(struct pop3_client *client, struct span bytes)
{
	enum wire_state state;
	size_t taken;

	buf_reset(&client->piece);
	taken = wire_decode_data(&client->decoder, bytes, &client->piece, &state);
	if (client->piece.len)
		client->hooks->on_piece(client->ctx, first_of(client)->message,
					buf_span(&client->piece));
	if (state != WIRE_MORE)
		answered(client, true, (struct span){ "", 0 });
	return taken;
}

bool pop3_client_feed(struct pop3_client *client, struct span bytes)
{
	while (bytes.len && client->failure.kind == ERR_NONE) {
		size_t taken = is_in_message(client) ? take_message(client, bytes)
						     : take_line(client, bytes);

		bytes = span_after(bytes, taken);
	}
	return client->failure.kind == ERR_NONE;
}

size_t pop3_client_count(const struct pop3_client *client)
{
	return client->listing.count;
}

uint64_t pop3_client_octets(const struct pop3_client *client, size_t message)
{
	return client->listing.messages[message].octets;
}

struct span pop3_client_uid(const struct pop3_client *client, size_t message)
{
	const struct pop3_listed *listed = &client->listing.messages[message];

	return (struct span){ client->listing.uids.data + listed->uid, listed->uid_len };
}

uint64_t pop3_client_listing_bytes(const struct pop3_client *client)
{
	return client->listing_bytes;
}

bool pop3_client_may_ask(const struct pop3_client *client)
{
	return client->listed && may_go_on(client);
}

void pop3_client_ask(struct pop3_client *client, enum pop3_ask ask, size_t message)
{
	assert(pop3_client_may_ask(client));
	assert(ask == POP3_ASK_QUIT || message < client->listing.count);
	client->quit = ask == POP3_ASK_QUIT;
	say(client, ask, message);
}

size_t pop3_client_unanswered(const struct pop3_client *client)
{
	return client->count;
}

size_t pop3_client_awaited(const struct pop3_client *client)
{
	size_t awaited = 0;

	for (size_t i = 0; i < client->count; i++)
		awaited += has_lines(client->asked[(client->first + i) % ASKS_MAX].ask);
	return awaited;
}
