/*
 * Conversations of the SMTP client engine with a server, as tables: what the server says,
 * what the client must do then, and what becomes of each message.
 */
#ifndef TESTS_SMTP_CLIENT_PLAY_H
#define TESTS_SMTP_CLIENT_PLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smtp/client.h"

#define EXCHANGES_MAX 16
#define WINDOW_BYTES  10000

/* The server says, and the client then does: commands a line each, "[body]" for a body.
 */
struct exchange {
	const char *server;
	const char *client;
};

struct row {
	const char *title;
	const char *offer; /* words of EHLO's answer */
	const char *sender;
	const char *recipients[4]; /* of each message; NULL: one, "you@far" */
	size_t messages;
	uint64_t bytes;    /* of each; 0: 100 */
	size_t window;     /* messages; 0: 8 */
	bool keeps_sender; /* as Exim */
	struct exchange exchanges[EXCHANGES_MAX];
	bool long_body;        /* the client does not come to its end */
	uint64_t window_bytes; /* 0: WINDOW_BYTES */
	/* For each result in order its tag and for each recipient the verdict (+
	 * accepted, ~ temporary, - permanent) and the status; with "!" the stage that is
	 * unanswered, with "@" that of a whole message's refusal; then what else it
	 * tells. After the last exchange the connection ends as `end` says. */
	const char *results;
	const char *failure; /* part of its text */
	enum smtp_client_end end;
};

#define ALL      "PIPELINING CHUNKING SIZE 8BITMIME SMTPUTF8"
#define PIPELINE "PIPELINING SIZE 8BITMIME"

struct play {
	const struct row *row;
	struct smtp_client *client;
	struct buf done;
	struct buf results;
	size_t started;
	bool body_begun;
	size_t count; /* recipients of each message */
	const char *recipients[4];
	int tags[8];
};

static inline void append(struct buf *out, const char *text)
{
	assert_true(buf_append_text(out, text));
}

static inline struct smtp_offer read_offer(const struct row *row)
{
	struct smtp_offer offer = { .keeps_sender = row->keeps_sender };
	struct span rest = span_of(row->offer), word;

	while (span_cut(&rest, ' ', &word)) {
		char line[100];

		snprintf(line, sizeof(line), "250-%.*s\r\n", SPAN_ARG(word));
		smtp_offer_line(&offer, span_of(line));
	}
	return offer;
}

static inline void begin(struct play *play)
{
	const struct row *row = play->row;
	uint64_t bytes = row->bytes ? row->bytes : 100;

	if (play->started == row->messages || !smtp_client_may_start(play->client, bytes))
		return;
	play->tags[play->started] = (int)play->started;
	smtp_client_start(play->client,
			  &(struct smtp_client_message){
				  .tag = &play->tags[play->started],
				  .sender = row->sender ? row->sender : "me@office",
				  .recipients = play->recipients,
				  .count = play->count,
				  .wire_bytes = bytes });
	play->started++;
}

/* All that the client would do now. */
static inline void write_all(struct play *play)
{
	struct buf *commands = smtp_client_commands(play->client);
	size_t before;
	bool dots;

	do {
		before = play->done.len + play->started;
		begin(play);
		for (size_t i = 0; i < commands->len; i++)
			if (commands->data[i] != '\r')
				assert_true(
					buf_append_byte(&play->done, commands->data[i]));
		buf_consume(commands, commands->len);
		if (smtp_client_body(play->client, &dots) && play->row->long_body) {
			append(&play->done, play->body_begun ? "" : "[some]\n");
			play->body_begun = true;
		} else if (smtp_client_body(play->client, &dots)) {
			append(&play->done, dots ? "[dotted]\n" : "[body]\n");
			smtp_client_body_done(play->client);
		}
	} while (play->done.len + play->started != before);
}

static inline void tell(struct play *play, const struct smtp_client_answer *answer)
{
	static const char *const stages[] = { "start", "mail", "rcpt", "data", "body" };
	bool whole = answer->verdict != SMTP_ACCEPTED && answer->stage != SMTP_AT_RCPT &&
		     answer->stage != SMTP_AT_START;

	assert_true(buf_appendf(&play->results, "%c%s", "~+-"[answer->verdict],
				answer -> reply.status));
	if (answer->unanswered || whole)
		assert_true(buf_appendf(&play->results, "%c%s",
					answer->unanswered ? '!' : '@',
					stages[answer->stage]));
}

static inline void take_results(struct play *play)
{
	struct smtp_client_result *result;

	while ((result = smtp_client_take(play->client))) {
		const int *tag = result->tag;

		assert_true(buf_appendf(&play->results, "%d ", *tag));
		for (size_t i = 0; i < result->count; i++)
			tell(play, &result->answers[i]);
		assert_true(buf_appendf(&play->results, "%s%s%s%s ",
					result->again ? " again" : "",
					result->in_hand ? " in_hand" : "",
					result->unclear ? " unclear" : "",
					result->may_be_taken ? " taken?" : ""));
		smtp_client_result_free(result);
	}
}

/* The client has done what it does before the server's first reply. Tags and recipients
 * are borrowed from *play. */
static inline void play_begin(struct play *play, const struct row *row)
{
	struct smtp_offer offer = read_offer(row);

	*play = (struct play){ .row = row,
			       .client = smtp_client_new(&offer),
			       .done = BUF_INIT(100000),
			       .results = BUF_INIT(10000),
			       .recipients = { "you@far" } };
	for (size_t i = 0; row->recipients[i]; i++)
		play->recipients[play->count++] = row->recipients[i];
	play->count = play->count ? play->count : 1;
	smtp_client_set_window(play->client, row->window ? row->window : 8,
			       row->window_bytes ? row->window_bytes : WINDOW_BYTES);
}

/* The server says so, and play->done is what the client then does. */
static inline void play_on(struct play *play, const char *server)
{
	buf_reset(&play->done);
	smtp_client_feed(play->client, span_of(server));
	write_all(play);
	take_results(play);
}

/* The connection ends, and play->results is all that was told. */
static inline void play_end(struct play *play, enum smtp_client_end end)
{
	smtp_client_abandon(play->client, end);
	take_results(play);
	smtp_client_free(play->client);
	play->client = NULL;
}

static inline void play_clear(struct play *play)
{
	buf_clear(&play->done);
	buf_clear(&play->results);
}

static inline void converse(const struct row *row)
{
	struct play play;

	play_begin(&play, row);
	for (size_t i = 0; i < EXCHANGES_MAX && row->exchanges[i].server; i++) {
		play_on(&play, row->exchanges[i].server);
		assert_string_equal(play.done.data, row->exchanges[i].client);
	}
	if (row->failure)
		assert_non_null(
			strstr(smtp_client_failure(play.client)->text, row->failure));
	else
		assert_null(smtp_client_failure(play.client));
	play_end(&play, row->end);
	assert_string_equal(play.results.data, row->results);
	play_clear(&play);
}

#endif
