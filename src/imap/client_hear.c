/* What the server says: lines, literals, and which answer is whose. */
#include "base/number.h"
#include "imap/client_state.h"

#define CHATTER_MAX ((uint64_t)64 * 1024 * 1024)
#define NOBODY      IMAP_ASKS_MAX

static void fail(struct imap_client *client, const char *why)
{
	if (client->failure.kind == ERR_NONE)
		err_temporary(&client->failure, "4.5.0", "%s", why);
}

static void fail_saying(struct imap_client *client, struct span line)
{
	if (client->failure.kind == ERR_NONE)
		err_temporary(&client->failure, "4.5.0",
			      "the server said \"%.*s\", which is no IMAP here",
			      line.len > 80 ? 80 : (int)line.len, line.at);
}

static void take_out(struct imap_client *client, size_t at)
{
	client->octets -= client->asked[at].octets;
	client->count--;
	memmove(&client->asked[at], &client->asked[at + 1],
		(client->count - at) * sizeof(client->asked[0]));
}

/* tag SP ("OK" / "NO" / "BAD") SP text */
static void on_tagged(struct imap_client *client, struct span line)
{
	struct imap_asked asked;
	struct span tag = line, word = line;
	uint64_t number;
	size_t at = 0;
	bool ok;

	if (!span_cut(&line, ' ', &tag) || tag.len < 2 || tag.at[0] != 'L' ||
	    !number_parse(span_after(tag, 1), UINT32_MAX, &number) ||
	    !span_cut(&line, ' ', &word)) {
		fail_saying(client, tag);
		return;
	}
	while (at < client->count && client->asked[at].tag != number)
		at++;
	ok = span_is_word(word, "OK");
	if (at == client->count ||
	    (!ok && !span_is_word(word, "NO") && !span_is_word(word, "BAD"))) {
		fail_saying(client, word);
		return;
	}
	asked = client->asked[at];
	take_out(client, at);
	client->chatter = 0;
	imap_answered(client, &asked, ok, line.at ? line : (struct span){ "", 0 });
}

/* "[UIDVALIDITY 17] ..." */
static void on_code(struct imap_client *client, struct span text)
{
	struct span code, word;
	uint64_t number;

	text = span_trim(text);
	if (client->is_searched || !text.len || text.at[0] != '[' ||
	    !span_cut(&text, ']', &code))
		return;
	code = span_after(code, 1);
	if (!span_cut(&code, ' ', &word))
		return;
	if (span_is_word(word, "UIDVALIDITY") && code.at &&
	    number_parse(code, UINT32_MAX, &number))
		client->uidvalidity = number;
	else if (span_is_word(word, "UIDNOTSTICKY"))
		client->uidvalidity = 0;
}

static bool awaits(const struct imap_client *client, enum imap_verb verb)
{
	for (size_t i = 0; i < client->count; i++)
		if (client->asked[i].verb == verb)
			return true;
	return false;
}

static void on_numbers(struct imap_client *client, struct span numbers)
{
	struct span word;
	uint64_t uid;

	if (awaits(client, IMAP_SEARCH)) {
		imap_listing_add_numbers(&client->listing, numbers);
		return;
	}
	while (awaits(client, IMAP_SEARCH_DELETED) && span_cut(&numbers, ' ', &word))
		if (number_parse(word, UINT32_MAX, &uid))
			imap_remove_others(client, uid);
}

/* ESEARCH (TAG "L3") UID ALL 1:4,7 */
static void on_set(struct imap_client *client, struct span words)
{
	struct span word;

	while (awaits(client, IMAP_SEARCH) && span_cut(&words, ' ', &word))
		if (span_is_word(word, "ALL") && span_cut(&words, ' ', &word))
			imap_listing_add_set(&client->listing, word);
}

static void on_sizes(struct imap_client *client)
{
	struct imap_listed *listed =
		client->is_listed || !client->is_searched
			? NULL
			: imap_listing_find(&client->listing, client->fetch.uid);

	if (!listed || !listed->needs_size || !client->fetch.is_sized)
		return;
	listed->is_sized = true;
	listed->is_deleted = client->fetch.is_deleted;
	listed->octets = client->fetch.octets;
}

/* Whose is the body that begins? Most servers tell the UID before it; where not, answers
 * come in the order of asking, and the UID must prove it. */
static size_t whose(const struct imap_client *client)
{
	for (size_t i = 0; i < client->count; i++) {
		const struct imap_asked *asked = &client->asked[i];

		if (imap_is_content(asked->verb) && !asked->is_whole &&
		    (!client->fetch.uid ||
		     client->listing.messages[asked->message].uid == client->fetch.uid))
			return i;
	}
	return NOBODY;
}

/* A message that is whole waits for its OK; but when the next one comes first, there is
 * one place for bodies, and it is believed without. */
static void settle_whole(struct imap_client *client)
{
	for (size_t i = 0; i < client->count; i++) {
		struct imap_asked *asked = &client->asked[i];

		if (!imap_is_content(asked->verb) || !asked->is_whole || asked->is_told)
			continue;
		asked->is_told = true;
		imap_tell(client, asked, true, (struct span){ "", 0 });
	}
}

static void tell_piece(struct imap_client *client, struct span text, bool begins)
{
	const struct imap_asked *asked = &client->asked[client->body_of];
	struct imap_piece piece = {
		.ask = imap_ask_of(asked->verb),
		.message = asked->message,
		.from = client->fetch.from,
		.bytes = client->literal_bytes,
		.begins = begins,
		.text = text,
	};

	client->hooks->on_piece(client->ctx, &piece);
}

static bool begin_body(struct imap_client *client, uint64_t bytes)
{
	settle_whole(client);
	if (client->body_of == NOBODY)
		client->body_of = whose(client);
	else
		client->body_of = NOBODY; /* a second one in one answer */
	client->literal_bytes = bytes;
	if (client->body_of == NOBODY) {
		fail(client, "the server gives a message that nobody asked for");
		return false;
	}
	tell_piece(client, (struct span){ "", 0 }, true);
	return true;
}

static void quoted_body(struct imap_client *client, struct span quoted)
{
	AUTO_BUF text = BUF_INIT(quoted.len);
	bool fits = true;

	for (size_t i = 0; i < quoted.len && fits; i++) {
		if (quoted.at[i] == '\\' && i + 1 < quoted.len)
			i++;
		fits = buf_append_byte(&text, quoted.at[i]);
	}
	if (begin_body(client, text.len) && text.len)
		tell_piece(client, buf_span(&text), false);
}

static void end_fetch(struct imap_client *client)
{
	struct imap_asked *asked;

	client->in_fetch = false;
	if (!client->fetch.has_body) {
		on_sizes(client);
		return;
	}
	asked = &client->asked[client->body_of];
	if (client->listing.messages[asked->message].uid == client->fetch.uid)
		asked->is_whole = true;
	else
		fail(client, "the server gives a message without its UID");
}

static void read_fetch(struct imap_client *client, struct span line)
{
	struct span text;

	client->literal_is_body = false;
	while (client->failure.kind == ERR_NONE) {
		switch (imap_fetch_read(&client->fetch, &line, &client->literal_left,
					&text)) {
		case IMAP_FETCH_END:
			end_fetch(client);
			return;
		case IMAP_FETCH_LITERAL:
			return;
		case IMAP_FETCH_BODY:
			client->literal_is_body =
				begin_body(client, client->literal_left);
			return;
		case IMAP_FETCH_QUOTED:
			quoted_body(client, text);
			break;
		case IMAP_FETCH_BROKEN:
			client->literal_left = 0;
			fail_saying(client, line);
			return;
		}
	}
}

/* There are servers that close without the OK that is to follow. */
static void on_goodbye(struct imap_client *client, struct span text)
{
	for (size_t i = 0; i < client->count; i++)
		if (client->asked[i].verb == IMAP_LOGOUT) {
			imap_answered(client, &client->asked[i], true, text);
			return;
		}
}

static void on_untagged(struct imap_client *client, struct span line)
{
	struct span word, second, rest;
	uint64_t number;

	if (!span_cut(&line, ' ', &word))
		return;
	rest = line.at ? line : (struct span){ "", 0 };
	if (number_parse(word, UINT32_MAX, &number)) {
		/* What else has a number is news of the folder: EXISTS, EXPUNGE. */
		if (!span_cut(&rest, ' ', &second) || !span_is_word(second, "FETCH"))
			return;
		client->in_fetch = true;
		client->fetch = (struct imap_fetch){ 0 };
		client->body_of = NOBODY;
		read_fetch(client, rest.at ? rest : (struct span){ "", 0 });
	} else if (span_is_word(word, "OK")) {
		on_code(client, rest);
	} else if (span_is_word(word, "CAPABILITY")) {
		if (awaits(client, IMAP_CAPABILITY))
			imap_offer_take(&client->offer, rest);
	} else if (span_is_word(word, "SEARCH")) {
		on_numbers(client, rest);
	} else if (span_is_word(word, "ESEARCH")) {
		on_set(client, rest);
	} else if (span_is_word(word, "BYE") && client->has_said[IMAP_LOGOUT]) {
		on_goodbye(client, rest);
	} else if (span_is_word(word, "BYE")) {
		err_temporary(&client->failure, "4.3.2", "the server ends: %.*s",
			      rest.len > 200 ? 200 : (int)rest.len, rest.at);
	}
}

static void on_line(struct imap_client *client, struct span line)
{
	if (line.len && line.at[line.len - 1] == '\r')
		line.len--;
	if (client->in_fetch)
		read_fetch(client, line);
	else if (line.len >= 2 && line.at[0] == '*' && line.at[1] == ' ')
		on_untagged(client, span_after(line, 2));
	else
		on_tagged(client, line);
}

static void take_line(struct imap_client *client, struct span *bytes)
{
	const char *end = memchr(bytes->at, '\n', bytes->len);
	size_t len = end ? (size_t)(end - bytes->at) : bytes->len;

	client->chatter += len;
	client->listing_bytes += client->is_listed ? 0 : len;
	if (client->chatter > CHATTER_MAX || !buf_append(&client->line, bytes->at, len)) {
		fail(client, "the server never ends a line, or its talk");
		return;
	}
	*bytes = span_after(*bytes, end ? len + 1 : len);
	if (!end)
		return;
	on_line(client, buf_span(&client->line));
	buf_reset(&client->line);
}

static void take_literal(struct imap_client *client, struct span *bytes)
{
	struct span here = *bytes;

	if (here.len > client->literal_left)
		here.len = (size_t)client->literal_left;
	if (client->literal_is_body)
		tell_piece(client, here, false);
	else if ((client->chatter += here.len) > CHATTER_MAX)
		fail(client, "the server tells more than was asked for");
	client->literal_left -= here.len;
	*bytes = span_after(*bytes, here.len);
}

bool imap_client_feed(struct imap_client *client, struct span *bytes)
{
	bool was_compressed = client->is_compressed;

	while (bytes->len && client->failure.kind == ERR_NONE &&
	       client->is_compressed == was_compressed) {
		if (client->is_over)
			*bytes = span_after(*bytes, bytes->len);
		else if (client->literal_left)
			take_literal(client, bytes);
		else
			take_line(client, bytes);
	}
	return client->failure.kind == ERR_NONE;
}
