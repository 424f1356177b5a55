#include "pop3/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EXCHANGES_MAX 12

/* The server says, and the client then does: commands a line each. */
struct exchange {
	const char *server;
	const char *client;
};

struct row {
	const char *title;
	const char *offer; /* words of CAPA's answer */
	const char *asks;  /* once listed: "R1 T2 D1 Q", by place in the listing from 1 */
	struct exchange exchanges[EXCHANGES_MAX];
	/* the listing as "octets:uid " each, then what happened: a message's bytes in
	 * brackets, answers as "R1+ D1- Q+ " */
	const char *story;
	const char *failure; /* part of its text */
	bool uids_first;
};

#define TWO "+OK\n1 30\n2 40\n.\n+OK\n1 a\n2 b\n.\n"

static const struct row rows[] = {
	{ .title = "LIST and UIDL go out together where PIPELINING is offered",
	  .offer = "PIPELINING",
	  .exchanges = { { "", "LIST\nUIDL\n" }, { TWO, "" } },
	  .story = "30:a 40:b " },
	{ .title = "else one by one",
	  .exchanges = { { "", "LIST\n" },
			 { "+OK\n1 30\n.\n", "UIDL\n" },
			 { "+OK\n1 a\n.\n", "" } },
	  .story = "30:a " },
	{ .title = "many may be asked for at once",
	  .offer = "PIPELINING",
	  .asks = "R1 R2 D1 Q",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { TWO, "RETR 1\nRETR 2\nDELE 1\nQUIT\n" },
			 { "+OK\none\n.\n+OK\ntwo\n.\n+OK\n+OK\n", "" } },
	  .story = "30:a 40:b [one\n]R1+ [two\n]R2+ D1+ Q+ " },
	{ .title = "without PIPELINING the next waits for the last",
	  .asks = "R1 D1 Q",
	  .exchanges = { { "", "LIST\n" },
			 { "+OK\n1 30\n.\n", "UIDL\n" },
			 { "+OK\n1 a\n.\n", "RETR 1\n" },
			 { "+OK\none\n.\n", "DELE 1\n" },
			 { "+OK\n", "QUIT\n" },
			 { "+OK\n", "" } },
	  .story = "30:a [one\n]R1+ D1+ Q+ " },
	{ .title = "a server without UIDL is served too",
	  .exchanges = { { "", "LIST\n" },
			 { "+OK\n1 30\n.\n", "UIDL\n" },
			 { "-ERR what?\n", "" } },
	  .story = "30: " },
	{ .title = "dots are taken away, bare line ends stay",
	  .offer = "PIPELINING TOP",
	  .asks = "R1 T2",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { TWO, "RETR 1\nTOP 2 0\n" },
			 { "+OK\n..\n..x\n.y\na\rb\r\n.\n+OK\nSubject: x\n\n.\n", "" } },
	  .story = "30:a 40:b [.\n.x\ny\na\rb\r\n]R1+ [Subject: x\n\n]T2+ " },
	{ .title = "what is refused is told, and the others go on",
	  .offer = "PIPELINING",
	  .asks = "R1 R2 D2",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { TWO, "RETR 1\nRETR 2\nDELE 2\n" },
			 { "-ERR broken\n+OK\ntwo\n.\n-ERR no\n", "" } },
	  .story = "30:a 40:b R1- [two\n]R2+ D2- " },
	{ .title = "a message without end has no answer",
	  .offer = "PIPELINING",
	  .asks = "R1",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { TWO, "RETR 1\n" },
			 { "+OK\nhalf\n", "" } },
	  .story = "30:a 40:b [half\n" },
	{ .title = "a listing is sorted, and its nonsense left out",
	  .offer = "PIPELINING",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { "+OK\n3 30\n1 10\nx 5\n0 9\n-1 8\n2 y\n3 31\n7\n"
			   "99999999999999999999 1\n.\n"
			   "+OK\n1 a\n9 z\n2\n3 c d\n\n.\n",
			   "" } },
	  .story = "10:a 0: 30: " },
	{ .title = "a uid that two have, or that is said twice, is none",
	  .offer = "PIPELINING",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { "+OK\n1 1\n2 2\n3 3\n4 4\n.\n"
			   "+OK\n1 same\n2 same\n3 c\n3 d\n4 e\n.\n",
			   "" } },
	  .story = "1: 2: 3: 4:e " },
	{ .title = "a size beyond reason is unknown",
	  .offer = "PIPELINING",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { "+OK\n1 9999999999999999999\n.\n+OK\n.\n", "" } },
	  .story = "0: " },
	{ .title = "a refused LIST ends it",
	  .offer = "PIPELINING",
	  .exchanges = { { "", "LIST\nUIDL\n" }, { "-ERR [SYS/TEMP] later\n", "" } },
	  .story = "",
	  .failure = "LIST: [SYS/TEMP] later" },
	{ .title = "what is no POP3 ends it",
	  .offer = "PIPELINING",
	  .asks = "R1",
	  .exchanges = { { "", "LIST\nUIDL\n" },
			 { TWO, "RETR 1\n" },
			 { "HTTP/1.1 400 Bad Request\n", "" } },
	  .story = "30:a 40:b ",
	  .failure = "is no POP3" },
	{ .title = "the sizes of what is known need not be asked for",
	  .uids_first = true,
	  .asks = "Q",
	  .exchanges = { { "", "UIDL\n" },
			 { "+OK\n2 k2\n1 k1\n3 k3\n.\n", "QUIT\n" },
			 { "+OK\n", "" } },
	  .story = "0:k1 0:k2 0:k3 Q+ " },
	{ .title = "the sizes of few are asked for one by one",
	  .offer = "PIPELINING",
	  .uids_first = true,
	  .asks = "R2",
	  .exchanges = { { "", "UIDL\n" },
			 { "+OK\n1 k1\n2 b\n3 k3\n4 k4\n5 c\n6 k6\n7 k7\n8 k8\n.\n",
			   "LIST 2\nLIST 5\n" },
			 { "+OK 2 40\n-ERR what?\n", "RETR 2\n" },
			 { "+OK\ntwo\n.\n", "" } },
	  .story = "0:k1 40:b 0:k3 0:k4 0:c 0:k6 0:k7 0:k8 [two\n]R2+ " },
	{ .title = "without PIPELINING each waits for the last",
	  .uids_first = true,
	  .exchanges = { { "", "UIDL\n" },
			 { "+OK\n1 a\n2 b\n3 k\n.\n", "LIST 1\n" },
			 { "+OK 1 30\n", "LIST 2\n" },
			 { "+OK 3 99\n", "" } },
	  .story = "30:a 0:b 0:k " },
	{ .title = "the sizes of many are asked for together",
	  .offer = "PIPELINING",
	  .uids_first = true,
	  .exchanges = { { "", "UIDL\n" },
			 { "+OK\n1 a\n2 k2\n3 c\n.\n", "LIST\n" },
			 { "+OK\n1 10\n2 20\n3 30\n4 40\n.\n", "" } },
	  .story = "10:a 20:k2 30:c 40: " },
	{ .title = "without UIDL all comes from LIST",
	  .uids_first = true,
	  .exchanges = { { "", "UIDL\n" },
			 { "-ERR what?\n", "LIST\n" },
			 { "+OK\n1 10\n.\n", "" } },
	  .story = "10: " },
	{ .title = "an empty mailbox has nothing more to tell",
	  .uids_first = true,
	  .exchanges = { { "", "UIDL\n" }, { "+OK\n.\n", "" } },
	  .story = "" },
	{ .title = "of a number that is listed twice nobody knows the uid",
	  .uids_first = true,
	  .exchanges = { { "", "UIDL\n" },
			 { "+OK\n1 k1\n1 k2\n2 k3\n.\n", "LIST 1\n" },
			 { "+OK 1 5\n", "" } },
	  .story = "5: 0:k3 " },
	{ .title = "an answer to nothing ends it",
	  .offer = "PIPELINING",
	  .exchanges = { { "", "LIST\nUIDL\n" }, { TWO "+OK\n", "" } },
	  .story = "30:a 40:b ",
	  .failure = "without being asked" },
};

struct play {
	const struct row *row;
	struct pop3_client *client;
	const char *asks;
	struct buf story;
	bool in_message;
};

static void note(struct play *play, const char *fmt, ...) PRINTF(2, 3);

static void note(struct play *play, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	assert_true(buf_appendv(&play->story, fmt, args));
	va_end(args);
}

static void on_listed(void *ctx)
{
	struct play *play = ctx;

	for (size_t i = 0; i < pop3_client_count(play->client); i++)
		note(play, "%u:%.*s ", (unsigned)pop3_client_octets(play->client, i),
		     SPAN_ARG(pop3_client_uid(play->client, i)));
}

static void on_piece(void *ctx, size_t message, struct span stored)
{
	struct play *play = ctx;

	(void)message;
	note(play, "%s%.*s", play->in_message ? "" : "[", SPAN_ARG(stored));
	play->in_message = true;
}

static void on_answer(void *ctx, const struct pop3_client_answer *answer)
{
	static const char letters[] = { [POP3_ASK_RETR] = 'R',
					[POP3_ASK_TOP] = 'T',
					[POP3_ASK_DELE] = 'D',
					[POP3_ASK_QUIT] = 'Q' };
	struct play *play = ctx;

	note(play, "%s%c", play->in_message ? "]" : "", letters[answer->ask]);
	if (answer->ask != POP3_ASK_QUIT)
		note(play, "%u", (unsigned)answer->message + 1);
	note(play, "%c ", answer->done ? '+' : '-');
	play->in_message = false;
}

/* What has a uid that begins with "k" is known. */
static bool needs_octets(void *ctx, size_t message)
{
	const struct play *play = ctx;
	struct span uid = pop3_client_uid(play->client, message);

	return !uid.len || uid.at[0] != 'k';
}

static const struct pop3_client_hooks hooks = { NULL, on_listed, on_piece, on_answer };
static const struct pop3_client_hooks uids_first = { needs_octets, on_listed, on_piece,
						     on_answer };

static void ask(struct play *play)
{
	while (play->asks && *play->asks && pop3_client_may_ask(play->client)) {
		enum pop3_ask what = *play->asks == 'R'   ? POP3_ASK_RETR
				     : *play->asks == 'T' ? POP3_ASK_TOP
				     : *play->asks == 'D' ? POP3_ASK_DELE
							  : POP3_ASK_QUIT;

		pop3_client_ask(play->client, what,
				what == POP3_ASK_QUIT ? 0
						      : (size_t)(play->asks[1] - '1'));
		play->asks += strcspn(play->asks, " ");
		play->asks += strspn(play->asks, " ");
	}
}

static void expect_commands(struct play *play, const char *expected)
{
	struct buf *commands = pop3_client_commands(play->client);
	AUTO_BUF said = BUF_INIT(10000);

	for (size_t i = 0; i < commands->len; i++)
		if (commands->data[i] != '\r')
			assert_true(buf_append_byte(&said, commands->data[i]));
	assert_string_equal(said.data, expected);
	buf_consume(commands, commands->len);
}

/* With CRLF; where a line's text has a CR at its end already, that is one more. Fed in
 * pieces of a length. */
static void feed(struct play *play, const char *lines, size_t piece)
{
	AUTO_BUF wire = BUF_INIT(100000);
	struct span rest;

	for (; *lines; lines++)
		assert_true(*lines == '\n' ? buf_append(&wire, "\r\n", 2)
					   : buf_append_byte(&wire, *lines));
	for (rest = buf_span(&wire); rest.len; rest = span_after(rest, piece))
		if (!pop3_client_feed(play->client,
				      (struct span){ rest.at, rest.len < piece ? rest.len
									       : piece }))
			return;
}

static void play_row(const struct row *row, size_t piece)
{
	struct play play = { .row = row, .asks = row->asks, .story = BUF_INIT(100000) };
	struct span words = span_of(row->offer ? row->offer : ""), word;
	struct pop3_offer offer = { 0 };

	while (span_cut(&words, ' ', &word))
		pop3_offer_line(&offer, word);
	play.client =
		pop3_client_new(&offer, row->uids_first ? &uids_first : &hooks, &play);
	for (size_t i = 0; i < EXCHANGES_MAX && row->exchanges[i].server; i++) {
		feed(&play, row->exchanges[i].server, piece);
		ask(&play);
		expect_commands(&play, row->exchanges[i].client);
	}
	assert_string_equal(play.story.data, row->story);
	if (row->failure) {
		assert_non_null(pop3_client_failure(play.client));
		assert_non_null(
			strstr(pop3_client_failure(play.client)->text, row->failure));
	} else {
		assert_null(pop3_client_failure(play.client));
	}
	pop3_client_free(play.client);
	buf_clear(&play.story);
}

static void conversation(void **state)
{
	const struct row *row = *state;

	play_row(row, 1);
	play_row(row, 7);
	play_row(row, 100000);
}

static void endless_lines(void **state)
{
	static char flood[4096];
	struct play play = { .story = BUF_INIT(1000) };
	size_t fed = 0;

	(void)state;
	memset(flood, 'x', sizeof(flood));
	play.client = pop3_client_new(&(struct pop3_offer){ 0 }, &hooks, &play);
	while (pop3_client_feed(play.client, (struct span){ flood, sizeof(flood) }) &&
	       fed < 10000000)
		fed += sizeof(flood);
	assert_true(fed < 1000000);
	pop3_client_free(play.client);
	buf_clear(&play.story);
}

static void bounded_asks(void **state)
{
	struct play play = { .story = BUF_INIT(100000) };
	size_t asked = 0;

	(void)state;
	play.client = pop3_client_new(&(struct pop3_offer){ .pipelining = true }, &hooks,
				      &play);
	feed(&play, "+OK\n1 400000\n2 1\n.\n+OK\n.\n", 1000);
	while (pop3_client_may_ask(play.client) && ++asked < 1000)
		pop3_client_ask(play.client, POP3_ASK_RETR, 0);
	assert_in_range(asked, 1, 4);
	pop3_client_free(play.client);
	buf_clear(&play.story);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		{ "a line without end ends it", endless_lines, NULL, NULL, NULL },
		{ "a bounded amount is asked for ahead", bounded_asks, NULL, NULL, NULL },
	};
	struct CMUnitTest tests[LENGTH(rows) + LENGTH(more)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = conversation,
						.initial_state =
							(void *)(uintptr_t)&rows[i] };
	memcpy(&tests[LENGTH(rows)], more, sizeof(more));
	return cmocka_run_group_tests_name("pop3 client", tests, NULL, NULL);
}
