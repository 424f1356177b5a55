#include "imap/client.h"

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
	const char *offer;  /* words of CAPABILITY after the login; NULL: not told */
	const char *folder; /* NULL: INBOX */
	bool read_only;
	bool must_be_sized; /* what is known, too */
	uint32_t known;     /* this UID and those below, of 7 octets each */
	const char *asks;   /* once listed: "M1 H2 D1 Q", by place in the listing from 1;
			       "M1.20": from byte 20 on */
	struct exchange exchanges[EXCHANGES_MAX];
	/* the listing as "octets:uid " each, then what happened: a literal as
	 * "<from+bytes:" and its bytes, answers as "M1+ D1- Q+ " */
	const char *story;
	const char *failure; /* part of its text */
};

#define CAPABLE  "IMAP4rev1 UIDPLUS"
#define SELECTED "* 2 EXISTS\n* OK [UIDVALIDITY 17] ok\nL1 OK [READ-WRITE] done\n"
#define BEGIN                                                  \
	{                                                      \
		"", "L1 SELECT \"INBOX\"\nL2 UID SEARCH ALL\n" \
	}
#define TWO                                                          \
	BEGIN,                                                       \
	{                                                            \
		SELECTED "* SEARCH 5 9\nL2 OK done\n",               \
			"L3 UID FETCH 5:9 (UID RFC822.SIZE FLAGS)\n" \
	}
#define SIZES                                               \
	"* 1 FETCH (UID 5 RFC822.SIZE 30 FLAGS (\\Seen))\n" \
	"* 2 FETCH (UID 9 RFC822.SIZE 40 FLAGS ())\nL3 OK\n"
#define LISTED "30:17.5 40:17.9 "

static const struct row rows[] = {
	{ .title = "a folder is selected, searched, and what is new measured",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { SIZES, "" } },
	  .story = LISTED },
	{ .title = "what the server can do is asked for where it did not say, on the way",
	  .exchanges = { { "", "L1 CAPABILITY\nL2 SELECT \"INBOX\"\n" },
			 { "* CAPABILITY IMAP4rev1 ESEARCH\nL1 OK\n", "" },
			 { "* OK [UIDVALIDITY 3] x\nL2 OK\n",
			   "L3 UID SEARCH RETURN (ALL) ALL\n" },
			 { "* ESEARCH (TAG \"L3\") UID ALL 2,4:5\nL3 OK\n",
			   "L4 UID FETCH 2:5 (UID RFC822.SIZE FLAGS)\n" },
			 { "* 3 FETCH (FLAGS () UID 5 RFC822.SIZE 1)\n"
			   "* 1 FETCH (UID 2 RFC822.SIZE 2)\nL4 OK\n",
			   "" } },
	  .story = "2:3.2 1:3.5 " },
	{ .title = "compression comes before all else, and then its commands",
	  .offer = "COMPRESS=DEFLATE UIDPLUS",
	  .exchanges = { { "", "L1 COMPRESS DEFLATE\n" },
			 { "L1 NO not now\n",
			   "L2 SELECT \"INBOX\"\nL3 UID SEARCH ALL\n" },
			 { "* OK [UIDVALIDITY 1] x\nL2 OK\n* SEARCH\nL3 OK\n", "" } },
	  .story = "" },
	{ .title = "what is known is not measured again",
	  .offer = CAPABLE,
	  .known = 7,
	  .exchanges = { BEGIN,
			 { SELECTED "* SEARCH 9 5 8 7 2\nL2 OK\n",
			   "L3 UID FETCH 8:9 (UID RFC822.SIZE FLAGS)\n" },
			 { "* 4 FETCH (UID 8 RFC822.SIZE 80)\n"
			   "* 5 FETCH (UID 9 RFC822.SIZE 90)\nL3 OK\n",
			   "" } },
	  .story = "7:17.2 7:17.5 7:17.7 80:17.8 90:17.9 " },
	{ .title = "a folder whose mail is all known costs its list of UIDs",
	  .offer = "ESEARCH",
	  .known = 9,
	  .read_only = true,
	  .folder = "My \"new\" \\ mail",
	  .exchanges = { { "", "L1 EXAMINE \"My \\\"new\\\" \\\\ mail\"\n"
			       "L2 UID SEARCH RETURN (ALL) ALL\n" },
			 { SELECTED "* ESEARCH (TAG \"L2\") UID ALL 7:9\nL2 OK\n", "" } },
	  .story = "7:17.7 7:17.8 7:17.9 " },
	{ .title = "what somebody else has deleted, or is gone by now, is not there",
	  .offer = CAPABLE,
	  .exchanges = { TWO,
			 { "* 1 FETCH (FLAGS (\\Seen \\deleted) UID 5 RFC822.SIZE 3)\n"
			   "* 1 EXPUNGE\nL3 OK\n",
			   "" } },
	  .story = "" },
	{ .title = "what was fetched before and is marked is there, to be removed",
	  .offer = CAPABLE,
	  .known = 5,
	  .must_be_sized = true,
	  .exchanges = { TWO,
			 { "* 1 FETCH (FLAGS (\\Deleted) UID 5 RFC822.SIZE 3)\n"
			   "* 2 FETCH (FLAGS (\\Deleted) UID 9 RFC822.SIZE 4)\nL3 OK\n",
			   "" } },
	  .story = "3:17.5 " },
	{ .title = "sizes that are refused are unknown, and the mail is there",
	  .offer = CAPABLE,
	  .exchanges = { TWO,
			 { "* 1 FETCH (UID 9 RFC822.SIZE 99999999999999999999)\n"
			   "L3 NO one is broken\n",
			   "" } },
	  .story = "0:17.5 0:17.9 " },
	{ .title = "messages and headers are asked for together, by UID",
	  .offer = CAPABLE,
	  .asks = "M1 H2 M2",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n"
				  "L5 UID FETCH 9 (UID BODY.PEEK[HEADER])\n"
				  "L6 UID FETCH 9 (UID BODY.PEEK[])\n" },
			 { "* 1 FETCH (UID 5 BODY[] {5}\none\n)\nL4 OK\n"
			   "* 2 FETCH (UID 9 BODY[HEADER] {2}\n\n)\nL5 OK\n"
			   "* 2 FETCH (UID 9 BODY[] {3}\ntwo)\nL6 OK\n",
			   "" } },
	  .story = LISTED "<0+5:one\r\n>M1+ <0+2:\r\n>H2+ <0+3:two>M2+ " },
	{ .title =
		  "of a message that may be an old one its Message-ID and date are enough",
	  .offer = CAPABLE,
	  .asks = "I2",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 9 (UID BODY.PEEK[HEADER.FIELDS "
				  "(MESSAGE-ID DATE)])\n" },
			 { "* 2 FETCH (UID 9 BODY[HEADER.FIELDS (Message-ID \"DATE\")] {2}\n\n)\n"
			   "L4 OK\n",
			   "" } },
	  .story = LISTED "<0+2:\r\n>I2+ " },
	{ .title = "a message goes on at its byte",
	  .offer = CAPABLE,
	  .asks = "M1.20",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[]<20.2147483647>)\n" },
			 { "* 1 FETCH (UID 5 BODY[]<20> {4}\nrest)\nL4 OK\n", "" } },
	  .story = LISTED "<20+4:rest>M1+ " },
	{ .title = "answers may have other items, in any order, and news between",
	  .offer = CAPABLE,
	  .asks = "M1",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n" },
			 { "* 3 EXISTS\n* 1 FETCH (FLAGS (\\Seen))\n* OK still here\n"
			   "* 1 FETCH (X-A (\"b)\" (c {3}\n) )d)) BODY[1.MIME] "
			   "\"x\" BODY[] {3}\none ENVELOPE (NIL \"a \\\" b\" NIL) UID 5 "
			   "MODSEQ (12))\n* 2 EXPUNGE\nL4 OK\n",
			   "" } },
	  .story = LISTED "<0+3:one>M1+ " },
	{ .title = "a body may be a quoted string, or none",
	  .offer = CAPABLE,
	  .asks = "M1 M2",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n"
				  "L5 UID FETCH 9 (UID BODY.PEEK[])\n" },
			 { "* 1 FETCH (UID 5 BODY[] \"a \\\"b\\\\\")\nL4 OK\n"
			   "* 2 FETCH (UID 9 BODY[] NIL)\nL5 OK\n",
			   "" } },
	  .story = LISTED "<0+5:a \"b\\>M1+ M2- " },
	{ .title = "answers out of order are known by their UID",
	  .offer = CAPABLE,
	  .asks = "M1 M2",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n"
				  "L5 UID FETCH 9 (UID BODY.PEEK[])\n" },
			 { "* 2 FETCH (UID 9 BODY[] {3}\ntwo)\n"
			   "* 1 FETCH (UID 5 BODY[] {3}\none)\nL5 OK\nL4 OK\n",
			   "" } },
	  .story = LISTED "<0+3:two>M2+ <0+3:one>M1+ " },
	{ .title = "what is refused, after all or at once, or gone, is told",
	  .offer = CAPABLE,
	  .asks = "M1 M2 H1",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n"
				  "L5 UID FETCH 9 (UID BODY.PEEK[])\n"
				  "L6 UID FETCH 5 (UID BODY.PEEK[HEADER])\n" },
			 { "* 1 FETCH (UID 5 BODY[] {3}\none)\nL4 NO broken\n"
			   "L5 NO [EXPUNGEISSUED] gone\nL6 OK\n",
			   "" } },
	  .story = LISTED "<0+3:one>M1- M2- H1- " },
	{ .title = "a message without end has no answer",
	  .offer = CAPABLE,
	  .asks = "M1",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n" },
			 { "* 1 FETCH (UID 5 BODY[] {30}\nhalf", "" } },
	  .story = LISTED "<0+30:half" },
	{ .title = "removals go together, and the end behind them",
	  .offer = CAPABLE,
	  .asks = "D2 D1 Q",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID STORE 5,9 +FLAGS.SILENT (\\Deleted)\n"
				  "L5 UID EXPUNGE 5,9\nL6 LOGOUT\n" },
			 { "* 1 EXPUNGE\n* 1 EXPUNGE\nL4 OK\nL5 OK\n* BYE\nL6 OK\n",
			   "" } },
	  .story = LISTED "D1+ D2+ Q+ " },
	{ .title = "removals wait for messages that are on their way",
	  .offer = CAPABLE,
	  .asks = "D1 M2 Q",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 9 (UID BODY.PEEK[])\n" },
			 { "* 2 FETCH (UID 9 BODY[] {3}\ntwo)\nL4 OK\n",
			   "L5 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n"
			   "L6 UID EXPUNGE 5\nL7 LOGOUT\n" },
			 { "L5 NO read-only\nL6 OK\n", "" } },
	  .story = LISTED "<0+3:two>M2+ D1- " },
	{ .title = "without UIDPLUS nothing is expunged but what was fetched",
	  .offer = "IMAP4rev1",
	  .asks = "D1 Q",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n" },
			 { "L4 OK\n", "L5 UID SEARCH DELETED\n" },
			 { "* SEARCH 5\nL5 OK\n", "L6 EXPUNGE\n" },
			 { "* 1 EXPUNGE\nL6 OK\n", "L7 LOGOUT\n" },
			 { "L7 OK\n", "" } },
	  .story = LISTED "D1+ Q+ " },
	{ .title = "and where others have marked mail, nothing is",
	  .offer = "IMAP4rev1",
	  .asks = "D1 Q",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID STORE 5 +FLAGS.SILENT (\\Deleted)\n" },
			 { "L4 OK\n", "L5 UID SEARCH DELETED\n" },
			 { "* SEARCH 5 9\nL5 OK\n", "L6 LOGOUT\n" },
			 { "* BYE\nwhatever\n", "" } },
	  .story = LISTED "D1- Q+ " },
	{ .title = "without UIDVALIDITY there are no UIDs to rely on",
	  .offer = CAPABLE,
	  .exchanges = { BEGIN,
			 { "* OK [UIDVALIDITY 4] x\n* NO [UIDNOTSTICKY] y\n"
			   "* OK [UIDNOTSTICKY] y\nL1 OK\n* SEARCH 5\nL2 OK\n",
			   "L3 UID FETCH 5 (UID RFC822.SIZE FLAGS)\n" },
			 { "* 1 FETCH (UID 5 RFC822.SIZE 30)\nL3 OK\n", "" } },
	  .story = "30: " },
	{ .title = "the nonsense of a listing is left out",
	  .offer = CAPABLE,
	  .exchanges = { BEGIN,
			 { SELECTED "* SEARCH 0 -1 x 4294967296 6  6 5\nL2 OK\n",
			   "L3 UID FETCH 5:6 (UID RFC822.SIZE FLAGS)\n" },
			 { "* 1 FETCH (UID 77 RFC822.SIZE 1)\n"
			   "* 1 FETCH (UID 6 RFC822.SIZE x)\nL3 OK\n",
			   "" } },
	  .story = "0:17.6 " },
	{ .title = "a folder that is not there ends it",
	  .offer = CAPABLE,
	  .exchanges = { BEGIN, { "L1 NO [NONEXISTENT] no such folder\n", "" } },
	  .story = "",
	  .failure = "INBOX: [NONEXISTENT] no such folder" },
	{ .title = "a server that ends it is heard",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { "* BYE for maintenance\n", "" } },
	  .story = "",
	  .failure = "ends: for maintenance" },
	{ .title = "an answer to nothing ends it",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { SIZES "L9 OK\n", "" } },
	  .story = LISTED,
	  .failure = "no IMAP here" },
	{ .title = "a question ends it",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { "+ go on\n", "" } },
	  .story = "",
	  .failure = "no IMAP here" },
	{ .title = "what is no IMAP ends it",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { "HTTP/1.1 400 Bad Request\n", "" } },
	  .story = "",
	  .failure = "no IMAP here" },
	{ .title = "a message that nobody asked for ends it",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { SIZES "* 1 FETCH (UID 5 BODY[] {3}\none)\n", "" } },
	  .story = LISTED,
	  .failure = "nobody asked for" },
	{ .title = "two bodies in one answer end it",
	  .offer = CAPABLE,
	  .asks = "M1 M2",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n"
				  "L5 UID FETCH 9 (UID BODY.PEEK[])\n" },
			 { "* 1 FETCH (UID 5 BODY[] \"one\" BODY[] \"two\")\n", "" } },
	  .story = LISTED "<0+3:one",
	  .failure = "nobody asked for" },
	{ .title = "a body whose UID proves to be another's ends it",
	  .offer = CAPABLE,
	  .asks = "M1 M2",
	  .exchanges = { TWO,
			 { SIZES, "L4 UID FETCH 5 (UID BODY.PEEK[])\n"
				  "L5 UID FETCH 9 (UID BODY.PEEK[])\n" },
			 { "* 1 FETCH (BODY[] {3}\none UID 9)\n", "" } },
	  .story = LISTED "<0+3:one",
	  .failure = "without its UID" },
	{ .title = "parentheses that never close end it",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { "* 1 FETCH (UID 5 RFC822.SIZE 30\n", "" } },
	  .story = "",
	  .failure = "no IMAP here" },
	{ .title = "a literal of a length that is none ends it",
	  .offer = CAPABLE,
	  .exchanges = { TWO, { "* 1 FETCH (UID 5 X {99999999999999999999}\n", "" } },
	  .story = "",
	  .failure = "no IMAP here" },
};

struct play {
	const struct row *row;
	struct imap_client *client;
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

static enum imap_known knows(void *ctx, size_t message, uint64_t *octets_out)
{
	struct play *play = ctx;
	char text[IMAP_UID_TEXT_MAX];
	const char *dot = strchr(imap_client_uid(play->client, message, text), '.');

	*octets_out = 7;
	if (!play->row || !dot || strtoul(dot + 1, NULL, 10) > play->row->known)
		return IMAP_NEW;
	return play->row->must_be_sized ? IMAP_FETCHED : IMAP_SIZED;
}

static void on_listed(void *ctx)
{
	struct play *play = ctx;
	char text[IMAP_UID_TEXT_MAX];

	for (size_t i = 0; i < imap_client_count(play->client); i++)
		note(play, "%u:%s ", (unsigned)imap_client_octets(play->client, i),
		     imap_client_uid(play->client, i, text));
}

static void on_piece(void *ctx, const struct imap_piece *piece)
{
	struct play *play = ctx;

	if (piece->begins)
		note(play, "<%u+%u:", (unsigned)piece->from, (unsigned)piece->bytes);
	note(play, "%.*s", SPAN_ARG(piece->text));
	play->in_message = true;
}

static void on_answer(void *ctx, const struct imap_client_answer *answer)
{
	static const char letters[] = { [IMAP_ASK_MESSAGE] = 'M',
					[IMAP_ASK_HEADER] = 'H',
					[IMAP_ASK_IDENTITY] = 'I',
					[IMAP_ASK_DELETE] = 'D',
					[IMAP_ASK_QUIT] = 'Q' };
	struct play *play = ctx;

	note(play, "%s%c", play->in_message ? ">" : "", letters[answer->ask]);
	if (answer->ask != IMAP_ASK_QUIT)
		note(play, "%u", (unsigned)answer->message + 1);
	note(play, "%c ", answer->done ? '+' : '-');
	play->in_message = false;
}

static const struct imap_client_hooks hooks = { knows, on_listed, on_piece, on_answer };

static void ask(struct play *play)
{
	static const char letters[] = "MHIDQ";

	while (play->asks && *play->asks && imap_client_may_ask(play->client)) {
		enum imap_ask what =
			(enum imap_ask)(strchr(letters, *play->asks) - letters);
		const char *word = play->asks;

		/* As the program does: the end is asked for when nothing is awaited. */
		if (what == IMAP_ASK_QUIT && imap_client_awaited(play->client))
			return;
		imap_client_ask(play->client, what,
				what == IMAP_ASK_QUIT ? 0 : (size_t)(word[1] - '1'),
				what != IMAP_ASK_QUIT && word[2] == '.'
					? strtoul(word + 3, NULL, 10)
					: 0);
		play->asks += strcspn(play->asks, " ");
		play->asks += strspn(play->asks, " ");
	}
}

static void expect_commands(struct play *play, const char *expected)
{
	struct buf *commands = imap_client_commands(play->client);
	AUTO_BUF said = BUF_INIT(10000);

	for (size_t i = 0; i < commands->len; i++)
		if (commands->data[i] != '\r')
			assert_true(buf_append_byte(&said, commands->data[i]));
	assert_string_equal(said.data, expected);
	buf_consume(commands, commands->len);
}

/* With CRLF, in pieces of a length. */
static void feed(struct play *play, const char *lines, size_t piece)
{
	AUTO_BUF wire = BUF_INIT(100000);
	struct span rest;

	for (; *lines; lines++)
		assert_true(*lines == '\n' ? buf_append(&wire, "\r\n", 2)
					   : buf_append_byte(&wire, *lines));
	for (rest = buf_span(&wire); rest.len; rest = span_after(rest, piece)) {
		struct span part = rest;

		part.len = rest.len < piece ? rest.len : piece;
		if (!imap_client_feed(play->client, &part))
			return;
		assert_int_equal(part.len, 0);
	}
}

static void play_row(const struct row *row, size_t piece)
{
	struct play play = { .row = row, .asks = row->asks, .story = BUF_INIT(100000) };
	struct imap_offer offer = { .is_known = row->offer != NULL };

	if (row->offer)
		imap_offer_take(&offer, span_of(row->offer));
	play.client = imap_client_new(&offer, row->folder ? row->folder : "INBOX",
				      row->read_only, &hooks, &play);
	for (size_t i = 0; i < EXCHANGES_MAX && row->exchanges[i].server; i++) {
		feed(&play, row->exchanges[i].server, piece);
		ask(&play);
		expect_commands(&play, row->exchanges[i].client);
	}
	assert_string_equal(play.story.data, row->story);
	if (row->failure) {
		assert_non_null(imap_client_failure(play.client));
		assert_non_null(
			strstr(imap_client_failure(play.client)->text, row->failure));
	} else {
		assert_null(imap_client_failure(play.client));
	}
	imap_client_free(play.client);
	buf_clear(&play.story);
}

static void conversation(void **state)
{
	const struct row *row = *state;

	play_row(row, 1);
	play_row(row, 7);
	play_row(row, 100000);
}

static struct imap_client *client_of(struct play *play, const char *offer)
{
	struct imap_offer told = { .is_known = true };

	*play = (struct play){ .story = BUF_INIT(100000) };
	imap_offer_take(&told, span_of(offer));
	play->client = imap_client_new(&told, "INBOX", false, &hooks, play);
	return play->client;
}

static void end(struct play *play)
{
	imap_client_free(play->client);
	buf_clear(&play->story);
}

static void compression(void **state)
{
	static const char wire[] = "L1 OK ready\r\n\x01\x02 packed";
	struct play play;
	struct imap_client *client = client_of(&play, "COMPRESS=DEFLATE");
	struct span bytes = { wire, sizeof(wire) - 1 };

	(void)state;
	expect_commands(&play, "L1 COMPRESS DEFLATE\n");
	assert_true(imap_client_feed(client, &bytes));
	assert_true(imap_client_is_compressed(client));
	assert_true(span_is(bytes, "\x01\x02 packed"));
	expect_commands(&play, "L2 SELECT \"INBOX\"\nL3 UID SEARCH ALL\n");
	bytes = span_of("* SEARCH\r\n");
	assert_true(imap_client_feed(client, &bytes));
	assert_int_equal(bytes.len, 0);
	end(&play);
}

/* Says the same again and again; how much until it was enough? */
static size_t flood(struct imap_client *client, const char *bytes)
{
	size_t fed = 0;

	while (fed < 200000000) {
		struct span rest = span_of(bytes);

		fed += rest.len;
		if (!imap_client_feed(client, &rest))
			break;
	}
	return fed;
}

static void floods(void **state)
{
	static char line[100001], news[100001], literal[100100];
	struct play play;

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	assert_in_range(flood(client_of(&play, CAPABLE), line), 1, 10000000);
	end(&play);
	for (size_t i = 0; i + 1 < sizeof(news); i++)
		news[i] = "* OK good\n"[i % 10];
	assert_in_range(flood(client_of(&play, CAPABLE), news), 1, 100000000);
	end(&play);
	client_of(&play, CAPABLE);
	feed(&play, "* 1 FETCH (X {999999999}\n", 1000);
	memset(literal, 'y', sizeof(literal) - 1);
	assert_in_range(flood(play.client, literal), 1, 100000000);
	end(&play);
}

static void endless_ranges(void **state)
{
	struct play play;

	(void)state;
	client_of(&play, "ESEARCH");
	feed(&play, SELECTED "* ESEARCH UID ALL 4294967295:1\nL2 OK\nL3 OK\n", 1000);
	assert_non_null(strstr(imap_client_commands(play.client)->data,
			       "UID FETCH 1:200000 (UID"));
	end(&play);
}

static void bounded_asks(void **state)
{
	struct play play;
	size_t asked = 0;

	(void)state;
	client_of(&play, CAPABLE);
	feed(&play,
	     SELECTED "* SEARCH 1\nL2 OK\n* 1 FETCH (UID 1 RFC822.SIZE 400000)\nL3 OK\n",
	     1000);
	while (imap_client_may_ask(play.client) && ++asked < 1000)
		imap_client_ask(play.client, IMAP_ASK_MESSAGE, 0, 0);
	assert_in_range(asked, 1, 4);
	end(&play);
}

int main(void)
{
	static const struct CMUnitTest more[] = {
		{ "what follows COMPRESS's OK is for another to read", compression, NULL,
		  NULL, NULL },
		{ "a server that talks for ever ends it", floods, NULL, NULL, NULL },
		{ "a listing has a bound", endless_ranges, NULL, NULL, NULL },
		{ "a bounded amount is asked for ahead", bounded_asks, NULL, NULL, NULL },
	};
	struct CMUnitTest tests[LENGTH(rows) + LENGTH(more)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = conversation,
						.initial_state =
							(void *)(uintptr_t)&rows[i] };
	memcpy(&tests[LENGTH(rows)], more, sizeof(more));
	return cmocka_run_group_tests_name("imap client", tests, NULL, NULL);
}
