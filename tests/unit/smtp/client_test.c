#include "smtp/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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
	const char *recipients[3]; /* of each message; NULL: one, "you@far" */
	size_t messages;
	uint64_t bytes; /* of each; 0: 100 */
	size_t window;  /* messages; 0: 8 */
	bool reset_between;
	struct exchange exchanges[EXCHANGES_MAX];
	/* for each result in order "TAG" and for each recipient the verdict (+ accepted,
	 * ~ temporary, - permanent) and the status; "again" */
	const char *results;
	const char *failure; /* part of its text */
};

#define ALL      "PIPELINING CHUNKING SIZE 8BITMIME SMTPUTF8"
#define PIPELINE "PIPELINING SIZE 8BITMIME"

static const struct row rows[] = {
	{ .title = "with CHUNKING nobody waits for anything",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 2.0.0 taken\n", "" },
			 { "250 ok\n250 ok\n250 2.0.0 taken\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "no more than the window is in doubt",
	  .offer = ALL,
	  .messages = 2,
	  .window = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n",
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "a large body waits for its recipients",
	  .offer = ALL,
	  .messages = 1,
	  .bytes = 50000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n", "BDAT 50000 LAST\n[body]\n" },
			 { "250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
	{ .title =
		  "a large body that nobody may have is not sent, and the sender forgotten",
	  .offer = ALL,
	  .messages = 2,
	  .bytes = 50000,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n550 5.1.1 no\n",
			   "RSET\nMAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n250 ok\n", "BDAT 50000 LAST\n[body]\n" },
			 { "250 ok\n", "" } },
	  .results = "0 -5.1.1 1 +2.0.0 " },
	{ .title =
		  "a BDAT refused because all recipients were is the recipients' refusal",
	  .offer = ALL,
	  .messages = 1,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n550 5.1.1 no\n450 4.2.0 later\n503 5.5.1 what?\n",
			   "" } },
	  .results = "0 -5.1.1~4.2.0 " },
	{ .title = "a message is begun anew when the server still had the last sender",
	  .offer = ALL,
	  .messages = 3,
	  .window = 2,
	  .exchanges = { { "",
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nBDAT 100 LAST\n[body]\n"
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n550 5.1.1 no\n503 5.5.1 no\n",
			   "RSET\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "503 5.5.1 sender already given\n503 no\n503 no\n", "" },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 -5.1.1 1 ~5.5.1 again 2 +2.0.0 " },
	{ .title = "a server known to keep senders gets RSET between messages",
	  .offer = ALL,
	  .messages = 2,
	  .reset_between = true,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "RSET\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" },
			 { "250 reset\n250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "without CHUNKING the next envelope rides behind the dot",
	  .offer = PIPELINE,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n250 ok\n354 go\n",
			   "[dotted]\n.\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 taken\n250 ok\n250 ok\n354 go\n", "[dotted]\n.\n" },
			 { "250 taken\n", "" } },
	  .results = "0 +2.0.0 1 +2.0.0 " },
	{ .title = "354 though nobody is to get it is answered with a lone dot",
	  .offer = PIPELINE,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n550 5.1.1 no\n354 go\n",
			   ".\nMAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 an empty message, taken\n250 ok\n250 ok\n354 go\n",
			   "[dotted]\n.\n" },
			 { "250 ok\n", "" } },
	  .results = "0 -5.1.1 1 +2.0.0 " },
	{ .title = "DATA refused after a recipient was taken is his refusal",
	  .offer = PIPELINE,
	  .messages = 2,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "DATA\n" },
			 { "250 ok\n250 ok\n550 5.1.1 no\n451 4.3.1 full\n",
			   "RSET\nMAIL FROM:<me@office>\nRCPT TO:<a@far>\n"
			   "RCPT TO:<b@far>\nDATA\n" },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n354 go\n", "[dotted]\n.\n" },
			 { "552 5.3.4 too much\n", "" } },
	  .results = "0 ~4.3.1-5.1.1 1 -5.3.4-5.3.4 " },
	{ .title = "a plain server gets one command at a time",
	  .offer = "",
	  .messages = 2,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\n" },
			 { "250 ok\n", "RCPT TO:<a@far>\n" },
			 { "550 no\n", "RCPT TO:<b@far>\n" },
			 { "250 ok\n", "DATA\n" },
			 { "354 go\n", "[dotted]\n.\n" },
			 { "250 ok\n", "MAIL FROM:<me@office>\n" },
			 { "250 ok\n", "RCPT TO:<a@far>\n" },
			 { "550 no\n", "RCPT TO:<b@far>\n" },
			 { "450 no\n", "" } },
	  .results = "0 -5.0.0+2.0.0 1 -5.0.0~4.0.0 " },
	{ .title = "a refused sender costs a plain server no more commands",
	  .offer = "",
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\n" }, { "550 5.7.1 no\n", "" } },
	  .results = "0 -5.7.1 " },
	{ .title = "a refused sender is what each recipient hears",
	  .offer = ALL,
	  .messages = 1,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "451 4.7.1 wait\n503 no\n503 no\n503 no\n", "" } },
	  .results = "0 ~4.7.1~4.7.1 " },
	{ .title = "an address with letters beyond ASCII needs SMTPUTF8",
	  .offer = ALL,
	  .messages = 1,
	  .sender = "j\xc3\xb6rg@office",
	  .exchanges = { { "", "MAIL FROM:<j\xc3\xb6rg@office> SMTPUTF8\n"
			       "RCPT TO:<you@far>\nBDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
	{ .title = "and is refused here where that is not offered",
	  .offer = PIPELINE,
	  .messages = 1,
	  .sender = "j\xc3\xb6rg@office",
	  .exchanges = { { "", "" } },
	  .results = "0 -5.6.7 " },
	{ .title = "a message above the server's SIZE is not sent at all",
	  .offer = "PIPELINING CHUNKING SIZE=99",
	  .messages = 1,
	  .exchanges = { { "", "" } },
	  .results = "0 -5.3.4 " },
	{ .title = "what is not answered after 421 has no result",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n421 4.3.2 bye\n", "" } },
	  .results = "0 +2.0.0 ",
	  .failure = "421 4.3.2 bye" },
	{ .title = "a reply that nobody asked for ends the conversation",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n250 and another\n", "" } },
	  .results = "0 +2.0.0 ",
	  .failure = "unexpected reply: 250" },
	{ .title = "354 where 250 belongs ends the conversation",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "354 go\n", "" } },
	  .results = "",
	  .failure = "unexpected reply: 354" },
	{ .title = "a web page is not SMTP",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "HTTP/1.1 200 OK\n", "" } },
	  .results = "",
	  .failure = "not SMTP" },
	{ .title = "a sender that needs quotes gets them",
	  .offer = ALL,
	  .messages = 1,
	  .sender = "two words@office",
	  .exchanges = { { "", "MAIL FROM:<\"two words\"@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 +2.0.0 " },
};

struct play {
	const struct row *row;
	struct smtp_client *client;
	struct buf done;
	struct buf results;
	size_t started;
	size_t count; /* recipients of each message */
	const char *recipients[3];
	int tags[8];
};

static void append(struct buf *out, const char *text)
{
	assert_true(buf_append_text(out, text));
}

static struct smtp_offer read_offer(const char *words)
{
	struct smtp_offer offer = { 0 };
	struct span rest = span_of(words), word;

	while (span_cut(&rest, ' ', &word)) {
		char line[100];

		snprintf(line, sizeof(line), "250-%.*s\r\n", SPAN_ARG(word));
		smtp_offer_line(&offer, span_of(line));
	}
	return offer;
}

static void begin(struct play *play)
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
static void write_all(struct play *play)
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
		if (smtp_client_body(play->client, &dots)) {
			append(&play->done, dots ? "[dotted]\n" : "[body]\n");
			smtp_client_body_done(play->client);
		}
	} while (play->done.len + play->started != before);
}

static void take_results(struct play *play)
{
	struct smtp_client_result *result;

	while ((result = smtp_client_take(play->client))) {
		const int *tag = result->tag;

		assert_true(buf_appendf(&play->results, "%d ", *tag));
		for (size_t i = 0; i < result->count; i++)
			assert_true(buf_appendf(&play->results, "%c%s",
						"~+-"[result->answers[i].verdict],
						result -> answers[i].reply.status));
		append(&play->results, result->again ? " again " : " ");
		smtp_client_result_free(result);
	}
}

static void conversation(void **state)
{
	const struct row *row = &rows[(uintptr_t)*state];
	struct smtp_offer offer = read_offer(row->offer);
	struct play play = { .row = row,
			     .client = smtp_client_new(&offer, row->reset_between),
			     .done = BUF_INIT(100000),
			     .results = BUF_INIT(10000),
			     .recipients = { "you@far" } };

	for (size_t i = 0; row->recipients[i]; i++)
		play.recipients[play.count++] = row->recipients[i];
	play.count = play.count ? play.count : 1;
	smtp_client_set_window(play.client, row->window ? row->window : 8, WINDOW_BYTES);
	for (size_t i = 0; i < EXCHANGES_MAX && row->exchanges[i].server; i++) {
		smtp_client_feed(play.client, span_of(row->exchanges[i].server));
		write_all(&play);
		assert_string_equal(play.done.data, row->exchanges[i].client);
		buf_reset(&play.done);
		take_results(&play);
	}
	assert_string_equal(play.results.data, row->results);
	if (row->failure)
		assert_non_null(
			strstr(smtp_client_failure(play.client)->text, row->failure));
	else
		assert_null(smtp_client_failure(play.client));
	smtp_client_free(play.client);
	buf_clear(&play.done);
	buf_clear(&play.results);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = conversation;
		tests[i].initial_state = (void *)i;
	}
	return cmocka_run_group_tests_name("smtp client", tests, NULL, NULL);
}
