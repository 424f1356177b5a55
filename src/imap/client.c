#include "imap/client.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "imap/client_state.h"

#define ASKED_OCTETS ((uint64_t)1024 * 1024) /* of messages on their way */
#define REMOVAL_ASKS 2                       /* kept free for removals */
#define SIZES_ASKS   4
#define COMMANDS_MAX ((size_t)64 * 1024)
#define LINE_MAX     ((size_t)4 * 1024 * 1024) /* a SEARCH answer is one */

void imap_offer_take(struct imap_offer *offer, struct span words)
{
	struct span word;

	*offer = (struct imap_offer){ .is_known = offer->is_known };
	while (span_cut(&words, ' ', &word)) {
		if (span_is_word(word, "COMPRESS=DEFLATE"))
			offer->compress = true;
		else if (span_is_word(word, "UIDPLUS"))
			offer->uidplus = true;
		else if (span_is_word(word, "ESEARCH") || span_is_word(word, "IMAP4rev2"))
			offer->esearch = true;
	}
}

void imap_say(struct imap_client *client, const struct imap_asked *asked, const char *fmt,
	      ...)
{
	struct imap_asked *kept = &client->asked[client->count];
	va_list args;
	bool fits;

	assert(client->count < IMAP_ASKS_MAX);
	*kept = *asked;
	kept->tag = ++client->last_tag;
	client->count++;
	client->octets += kept->octets;
	client->has_said[kept->verb] = true;
	va_start(args, fmt);
	fits = buf_appendf(&client->commands, "L%u ", kept->tag) &&
	       buf_appendv(&client->commands, fmt, args) &&
	       buf_append(&client->commands, "\r\n", 2);
	va_end(args);
	assert(fits);
}

static void say_word(struct imap_client *client, enum imap_verb verb, const char *words)
{
	imap_say(client, &(struct imap_asked){ .verb = verb }, "%s", words);
}

static void say_select(struct imap_client *client)
{
	AUTO_BUF quoted = BUF_INIT(4096);
	bool fits = true;

	for (const char *c = client->folder; *c && fits; c++)
		fits = (*c != '"' && *c != '\\') || buf_append_byte(&quoted, '\\')
			       ? buf_append_byte(&quoted, *c)
			       : false;
	assert(fits);
	imap_say(client, &(struct imap_asked){ .verb = IMAP_SELECT }, "%s \"%s\"",
		 client->read_only ? "EXAMINE" : "SELECT", quoted.data);
}

static void say_search(struct imap_client *client)
{
	say_word(client, IMAP_SEARCH,
		 client->offer.esearch ? "UID SEARCH RETURN (ALL) ALL"
				       : "UID SEARCH ALL");
}

static void say_sizes(struct imap_client *client)
{
	while (client->next_size < client->listing.count && client->count < SIZES_ASKS) {
		AUTO_BUF set = BUF_INIT(IMAP_SET_MAX);

		imap_listing_put_unsized(&client->listing, &set, &client->next_size);
		if (set.len)
			imap_say(client, &(struct imap_asked){ .verb = IMAP_SIZES },
				 "UID FETCH %s (UID RFC822.SIZE FLAGS)", set.data);
	}
}

static void on_searched(struct imap_client *client)
{
	client->is_searched = true;
	imap_listing_sort(&client->listing);
	for (size_t i = 0; i < client->listing.count; i++) {
		struct imap_listed *listed = &client->listing.messages[i];
		uint64_t octets = 0;
		enum imap_known known = client->hooks->knows(client->ctx, i, &octets);

		listed->is_fetched = known != IMAP_NEW;
		listed->needs_size = known != IMAP_SIZED;
		if (!listed->needs_size)
			listed->octets = octets;
	}
}

/* What comes before the listing: as much in one go as can be. */
static void prepare(struct imap_client *client)
{
	const bool *said = client->has_said;

	if (!client->offer.is_known && !said[IMAP_CAPABILITY]) {
		say_word(client, IMAP_CAPABILITY, "CAPABILITY");
		say_select(client);
	} else if (client->is_searched) {
		say_sizes(client);
	} else if (client->count) {
		return;
	} else if (client->offer.compress && !said[IMAP_COMPRESS]) {
		say_word(client, IMAP_COMPRESS, "COMPRESS DEFLATE");
	} else if (!said[IMAP_SELECT]) {
		say_select(client);
		say_search(client);
	} else if (!said[IMAP_SEARCH]) {
		say_search(client);
	}
	if (client->count || !client->is_searched)
		return;
	imap_listing_settle(&client->listing);
	client->doomed =
		must_alloc((client->listing.count + 1) * sizeof(*client->doomed));
	client->is_listed = true;
	client->hooks->on_listed(client->ctx);
}

struct imap_client *imap_client_new(const struct imap_offer *offer, const char *folder,
				    bool read_only, const struct imap_client_hooks *hooks,
				    void *ctx)
{
	struct imap_client *client = must_alloc(sizeof(*client));

	*client = (struct imap_client){ .offer = *offer,
					.hooks = hooks,
					.ctx = ctx,
					.folder = must_copy(folder),
					.read_only = read_only,
					.body_of = IMAP_ASKS_MAX,
					.line = BUF_INIT(LINE_MAX),
					.commands = BUF_INIT(COMMANDS_MAX) };
	prepare(client);
	return client;
}

void imap_client_free(struct imap_client *client)
{
	if (!client)
		return;
	imap_listing_clear(&client->listing);
	buf_clear(&client->line);
	buf_clear(&client->commands);
	free(client->doomed);
	free(client->folder);
	free(client);
}

struct buf *imap_client_commands(struct imap_client *client)
{
	if (client->is_listed && client->failure.kind == ERR_NONE)
		imap_remove(client);
	return &client->commands;
}

bool imap_is_content(enum imap_verb verb)
{
	return verb == IMAP_MESSAGE || verb == IMAP_HEADER || verb == IMAP_IDENTITY;
}

enum imap_ask imap_ask_of(enum imap_verb verb)
{
	static const enum imap_ask asks[] = { [IMAP_MESSAGE] = IMAP_ASK_MESSAGE,
					      [IMAP_HEADER] = IMAP_ASK_HEADER,
					      [IMAP_IDENTITY] = IMAP_ASK_IDENTITY,
					      [IMAP_LOGOUT] = IMAP_ASK_QUIT };

	return asks[verb];
}

void imap_tell(struct imap_client *client, const struct imap_asked *asked, bool done,
	       struct span text)
{
	struct imap_client_answer answer = { imap_ask_of(asked->verb), asked->message,
					     done, text };

	client->hooks->on_answer(client->ctx, &answer);
}

static bool fail(struct imap_client *client, const char *what, struct span text)
{
	return err_temporary(&client->failure, "4.3.0", "%s: %.*s", what,
			     text.len > 200 ? 200 : (int)text.len, text.at);
}

void imap_answered(struct imap_client *client, const struct imap_asked *asked, bool ok,
		   struct span text)
{
	switch (asked->verb) {
	case IMAP_CAPABILITY:
		client->offer.is_known = true;
		break;
	case IMAP_COMPRESS:
		client->is_compressed = ok;
		break;
	case IMAP_SELECT:
		if (!ok) {
			fail(client, client->folder, text);
			return;
		}
		break;
	case IMAP_SEARCH:
		if (!ok) {
			fail(client, "SEARCH", text);
			return;
		}
		on_searched(client);
		break;
	case IMAP_SIZES:
		/* One that is broken must not hide the others. */
		for (size_t i = 0; !ok && i < client->listing.count; i++)
			client->listing.messages[i].is_sized = true;
		break;
	case IMAP_MESSAGE:
	case IMAP_HEADER:
	case IMAP_IDENTITY:
		if (!asked->is_told)
			imap_tell(client, asked, ok && asked->is_whole,
				  ok ? span_of("it is gone there") : text);
		return;
	case IMAP_STORE:
	case IMAP_UID_EXPUNGE:
	case IMAP_SEARCH_DELETED:
	case IMAP_EXPUNGE:
		imap_remove_answered(client, asked->verb, ok, text);
		return;
	case IMAP_LOGOUT:
		client->is_over = true;
		imap_tell(client, asked, ok, text);
		return;
	}
	prepare(client);
}

const struct err *imap_client_failure(const struct imap_client *client)
{
	return client->failure.kind == ERR_NONE ? NULL : &client->failure;
}

bool imap_client_is_compressed(const struct imap_client *client)
{
	return client->is_compressed;
}

size_t imap_client_count(const struct imap_client *client)
{
	return client->listing.count;
}

uint64_t imap_client_octets(const struct imap_client *client, size_t message)
{
	return client->listing.messages[message].octets;
}

uint32_t imap_client_uidvalidity(const struct imap_client *client)
{
	return (uint32_t)client->uidvalidity;
}

const char *imap_client_uid(const struct imap_client *client, size_t message,
			    char text_out[IMAP_UID_TEXT_MAX])
{
	text_out[0] = '\0';
	if (client->uidvalidity)
		snprintf(text_out, IMAP_UID_TEXT_MAX, "%" PRIu64 ".%" PRIu32,
			 client->uidvalidity, client->listing.messages[message].uid);
	return text_out;
}

uint64_t imap_client_listing_bytes(const struct imap_client *client)
{
	return client->listing_bytes;
}

bool imap_client_may_ask(const struct imap_client *client)
{
	return client->is_listed && client->failure.kind == ERR_NONE && !client->quits &&
	       client->count < IMAP_ASKS_MAX - REMOVAL_ASKS &&
	       client->octets < ASKED_OCTETS;
}

static void say_message(struct imap_client *client, size_t message, uint64_t from)
{
	const struct imap_listed *listed = &client->listing.messages[message];
	struct imap_asked asked = { .verb = IMAP_MESSAGE,
				    .message = message,
				    .octets = listed->octets > from
						      ? listed->octets - from
						      : 0 };

	/* The rest, however much: where it ends is for the literal to say. */
	if (from)
		imap_say(client, &asked,
			 "UID FETCH %" PRIu32 " (UID BODY.PEEK[]<%" PRIu64 ".%" PRId32
			 ">)",
			 listed->uid, from, INT32_MAX);
	else
		imap_say(client, &asked, "UID FETCH %" PRIu32 " (UID BODY.PEEK[])",
			 listed->uid);
}

void imap_client_ask(struct imap_client *client, enum imap_ask ask, size_t message,
		     uint64_t from)
{
	assert(imap_client_may_ask(client));
	assert(ask == IMAP_ASK_QUIT || message < client->listing.count);
	switch (ask) {
	case IMAP_ASK_MESSAGE:
		say_message(client, message, from);
		return;
	case IMAP_ASK_HEADER:
		imap_say(client,
			 &(struct imap_asked){ .verb = IMAP_HEADER, .message = message },
			 "UID FETCH %" PRIu32 " (UID BODY.PEEK[HEADER])",
			 client->listing.messages[message].uid);
		return;
	case IMAP_ASK_IDENTITY:
		imap_say(
			client,
			&(struct imap_asked){ .verb = IMAP_IDENTITY, .message = message },
			"UID FETCH %" PRIu32
			" (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)])",
			client->listing.messages[message].uid);
		return;
	case IMAP_ASK_DELETE:
		assert(client->doomed_count < client->listing.count);
		client->doomed[client->doomed_count++] = message;
		return;
	case IMAP_ASK_QUIT:
		client->quits = true;
		return;
	}
}

size_t imap_client_awaited(const struct imap_client *client)
{
	size_t awaited = 0;

	for (size_t i = 0; i < client->count; i++)
		awaited += imap_is_content(client->asked[i].verb);
	return awaited;
}
