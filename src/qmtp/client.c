#include "qmtp/client.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "mail/address.h"
#include "qmtp/netstring.h"

#define ANSWER_MAX 2000 /* more of one is taken and not kept */
/* One package's end and the next one's beginning. */
#define COMMANDS_MAX ((size_t)(SMTP_CLIENT_RECIPIENTS_MAX + 8) * (ADDRESS_MAX + 32))

struct package {
	struct package *next;
	struct smtp_client_message message;
	struct smtp_client_result *result;
	size_t answered;
	bool written;
};

struct qmtp_client {
	struct package *first; /* in order; all but the last are written */
	struct package *last;
	struct package *done;
	struct package **done_end;
	size_t window_messages;
	uint64_t window_bytes;
	struct netstring_reader reader;
	struct buf commands;
	struct err failure;
};

struct qmtp_client *qmtp_client_new(void)
{
	struct qmtp_client *client = must_alloc(sizeof(*client));

	*client = (struct qmtp_client){ .window_messages = 1,
					.commands = BUF_INIT(COMMANDS_MAX) };
	client->reader.text = BUF_INIT(ANSWER_MAX);
	client->done_end = &client->done;
	return client;
}

static void free_all(struct package *package)
{
	while (package) {
		struct package *next = package->next;

		smtp_client_result_free(package->result);
		free(package);
		package = next;
	}
}

void qmtp_client_free(struct qmtp_client *client)
{
	if (!client)
		return;
	free_all(client->first);
	free_all(client->done);
	buf_clear(&client->reader.text);
	buf_clear(&client->commands);
	free(client);
}

void qmtp_client_set_window(struct qmtp_client *client, size_t messages, uint64_t bytes)
{
	client->window_messages = messages ? messages : 1;
	client->window_bytes = bytes;
}

bool qmtp_client_may_start(const struct qmtp_client *client, uint64_t wire_bytes)
{
	size_t messages = 0;
	uint64_t bytes = 0;

	if (client->failure.kind != ERR_NONE || (client->last && !client->last->written))
		return false;
	for (const struct package *at = client->first; at; at = at->next) {
		messages++;
		bytes += at->message.wire_bytes;
	}
	return !messages || (messages < client->window_messages &&
			     bytes + wire_bytes <= client->window_bytes);
}

static void fail(struct qmtp_client *client, const char *what)
{
	if (client->failure.kind == ERR_NONE)
		err_temporary(&client->failure, "4.5.0", "%s", what);
	buf_reset(&client->commands);
}

void qmtp_client_start(struct qmtp_client *client,
		       const struct smtp_client_message *message)
{
	struct package *package = must_alloc(sizeof(*package));

	assert(message->count && message->count <= SMTP_CLIENT_RECIPIENTS_MAX);
	*package = (struct package){ .message = *message };
	package->result = must_alloc(sizeof(*package->result));
	package->result->tag = message->tag;
	package->result->count = message->count;
	package->result->answers =
		must_alloc(message->count * sizeof(*package->result->answers));
	if (client->last)
		client->last->next = package;
	else
		client->first = package;
	client->last = package;
	if (!buf_appendf(&client->commands, "%" PRIu64 ":\r", message->wire_bytes + 1))
		fail(client, "too much to say at a time");
}

struct buf *qmtp_client_commands(struct qmtp_client *client)
{
	return &client->commands;
}

void *qmtp_client_body(const struct qmtp_client *client)
{
	if (client->failure.kind != ERR_NONE || !client->last || client->last->written)
		return NULL;
	return client->last->message.tag;
}

static bool put_envelope(struct buf *out, const struct smtp_client_message *message)
{
	size_t size = 0;

	for (size_t i = 0; i < message->count; i++)
		size += netstring_size(strlen(message->recipients[i]));
	if (!buf_append_byte(out, ',') || !netstring_put(out, span_of(message->sender)) ||
	    !buf_appendf(out, "%zu:", size))
		return false;
	for (size_t i = 0; i < message->count; i++)
		if (!netstring_put(out, span_of(message->recipients[i])))
			return false;
	return buf_append_byte(out, ',');
}

void qmtp_client_body_done(struct qmtp_client *client)
{
	struct package *package = client->last;

	assert(package && !package->written);
	package->written = true;
	if (!put_envelope(&client->commands, &package->message))
		fail(client, "too much to say at a time");
}

/* "Sorry, no mailbox here by that name. (#5.1.1)": the status, where it fits the letter
 * in front. */
static void read_status(const char *text, const char *usual, char status_out[12])
{
	const char *at = strstr(text, "(#");
	struct span rest, piece;
	uint64_t number;
	unsigned numbers = 0;

	snprintf(status_out, 12, "%s", usual);
	if (!at || !strchr(at, ')') || at[2] != usual[0])
		return;
	rest = (struct span){ at + 2, (size_t)(strchr(at, ')') - at - 2) };
	piece = rest;
	while (span_cut(&rest, '.', &piece))
		numbers += number_parse(piece, 999, &number) ? 1 : 4;
	if (numbers == 3)
		snprintf(status_out, 12, "%.*s", (int)(strchr(at, ')') - at - 2), at + 2);
}

static bool read_answer(struct span text, struct smtp_client_answer *answer_out)
{
	static const struct {
		char letter;
		enum smtp_verdict verdict;
		const char *status;
	} known[] = {
		{ 'K', SMTP_ACCEPTED, "2.0.0" },
		{ 'Z', SMTP_TEMPORARY, "4.0.0" },
		{ 'D', SMTP_PERMANENT, "5.0.0" },
	};
	struct smtp_client_reply *reply = &answer_out->reply;
	size_t len = 0;

	*answer_out = (struct smtp_client_answer){ .stage = SMTP_AT_RCPT };
	for (size_t i = 1; i < text.len && len + 1 < sizeof(reply->text); i++)
		reply->text[len++] =
			(char)(isprint((unsigned char)text.at[i]) && text.at[i] <= '~'
				       ? text.at[i]
				       : '?');
	for (size_t i = 0; text.len && i < LENGTH(known); i++) {
		if (text.at[0] != known[i].letter)
			continue;
		answer_out->verdict = known[i].verdict;
		read_status(reply->text, known[i].status, reply->status);
		return true;
	}
	return false;
}

static void finish_first(struct qmtp_client *client)
{
	struct package *package = client->first;

	client->first = package->next;
	if (!client->first)
		client->last = NULL;
	package->next = NULL;
	*client->done_end = package;
	client->done_end = &package->next;
}

/* The next recipient's, in the order of asking. */
static bool on_answer(struct qmtp_client *client, struct span text)
{
	struct package *package = client->first;

	if (!package || !package->written ||
	    (package == client->last && client->commands.len)) {
		fail(client, "the server answers what was not asked");
		return false;
	}
	if (!read_answer(text, &package->result->answers[package->answered])) {
		fail(client, "the server's answer is not QMTP");
		return false;
	}
	if (++package->answered == package->message.count)
		finish_first(client);
	return true;
}

bool qmtp_client_feed(struct qmtp_client *client, struct span bytes)
{
	while (bytes.len && client->failure.kind == ERR_NONE) {
		switch (netstring_read(&client->reader, &bytes)) {
		case NETSTRING_MORE:
			break;
		case NETSTRING_WHOLE:
			if (!on_answer(client, buf_span(&client->reader.text)))
				return false;
			break;
		case NETSTRING_BROKEN:
			fail(client, "the server does not speak QMTP");
		}
	}
	return client->failure.kind == ERR_NONE;
}

const struct err *qmtp_client_failure(const struct qmtp_client *client)
{
	return client->failure.kind == ERR_NONE ? NULL : &client->failure;
}

struct smtp_client_result *qmtp_client_take(struct qmtp_client *client)
{
	struct package *package = client->done;
	struct smtp_client_result *result;

	if (!package)
		return NULL;
	client->done = package->next;
	if (!client->done)
		client->done_end = &client->done;
	result = package->result;
	free(package);
	return result;
}

/* QMTP has no word for closing: a package that is out whole may have been taken by each
 * recipient whose answer did not come. */
void qmtp_client_abandon(struct qmtp_client *client)
{
	bool first = true;

	fail(client, "the conversation was given up");
	while (client->first) {
		struct package *package = client->first;
		struct smtp_client_result *result = package->result;

		for (size_t i = package->answered; i < result->count; i++)
			smtp_client_answer_none(&result->answers[i], SMTP_AT_BODY);
		result->in_hand = first;
		result->may_be_taken = package->written;
		first = false;
		finish_first(client);
	}
}
