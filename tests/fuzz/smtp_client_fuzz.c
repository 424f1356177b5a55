/*
 * A hostile server against the SMTP client engine, and a connection that ends anywhere:
 * every message has exactly one result when it is given up, nothing is accepted that the
 * server did not answer with 2xx, an unanswered recipient has no verdict, and memory
 * stays bounded.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "smtp/client.h"

#define MESSAGES 6

static const char *const recipients[] = { "a@far.example", "b c@far.example" };

static void check(const struct smtp_client_answer *answer)
{
	assert(answer->verdict != SMTP_ACCEPTED ||
	       (answer->reply.code / 100 == 2 && answer->stage == SMTP_AT_BODY));
	assert(answer->verdict != SMTP_PERMANENT || answer->reply.code / 100 == 5);
	assert(!answer->unanswered || answer->verdict == SMTP_TEMPORARY);
}

static void take_all(struct smtp_client *client, const unsigned *results)
{
	struct smtp_client_result *result;

	while ((result = smtp_client_take(client))) {
		unsigned *count = result->tag;

		assert(count >= results && count < results + MESSAGES && ++*count == 1);
		for (size_t i = 0; i < result->count; i++)
			check(&result->answers[i]);
		smtp_client_result_free(result);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned results[MESSAGES] = { 0 };
	struct smtp_client *client;
	struct smtp_client_wait wait;
	enum smtp_client_end end;
	bool ended;
	size_t started = 0;

	if (size < 2)
		return 0;
	client = smtp_client_new(&(struct smtp_offer){ .pipelining = data[0] & 1,
						       .chunking = data[0] & 2,
						       .size = data[0] & 4,
						       .eight_bit = data[0] & 8,
						       .size_max = data[0] & 16 ? 900 : 0,
						       .keeps_sender = data[0] & 32 });
	end = data[1] / 4 % 3;
	smtp_client_set_window(client, 1 + data[1] % 4, 1000);
	data += 2;
	size -= 2;
	for (;;) {
		/* Replies come in pieces of a size that the input chooses. */
		size_t piece = size ? 1 + data[0] % 64 : 0;
		struct buf *commands = smtp_client_commands(client);
		bool dots;

		if (started < MESSAGES && smtp_client_may_start(client, 400 * started)) {
			smtp_client_start(client, &(struct smtp_client_message){
							  .tag = &results[started],
							  .sender = "",
							  .recipients = recipients,
							  .count = 1 + started % 2,
							  .wire_bytes = 400 * started });
			started++;
		}
		buf_consume(commands, commands->len);
		/* A body may take long: the input says when it is at its end. */
		if (smtp_client_body(client, &dots) && (!size || data[0] & 128))
			smtp_client_body_done(client);
		if (!size)
			break;
		piece = piece < size ? piece : size;
		smtp_client_feed(client, (struct span){ (const char *)data, piece });
		data += piece;
		size -= piece;
		take_all(client, results);
		wait = smtp_client_awaits(client);
		assert(wait.answered <= wait.asked);
	}
	smtp_client_abandon(client, end);
	take_all(client, results);
	for (size_t i = 0; i < MESSAGES; i++)
		assert(results[i] == (i < started));
	assert(!smtp_client_may_start(client, 1) && !smtp_client_body(client, &ended));
	smtp_client_free(client);
	return 0;
}
