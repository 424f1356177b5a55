#include "client_play.h"

#define ONE_CHUNK "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nBDAT 100 LAST\n[body]\n"

static const struct row rows[] = {
	{ .title = "BDAT that the server does not know is no word about the message",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n502 5.5.1 what?\n500 what?\n250 ok\n250 ok\n"
			   "250 ok\n",
			   "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 -5.5.1@data 1 ~4.4.2!mail ",
	  .failure = "does not know BDAT: 502" },
	{ .title = "a large body is not finished if the server does not know BDAT",
	  .offer = ALL,
	  .messages = 1,
	  .bytes = 50000,
	  .long_body = true,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n", "BDAT 50000 LAST\n[some]\n" },
			 { "503 what?\n500 what?\n", "" } },
	  .results = "0 -5.0.0@data ",
	  .failure = "does not know BDAT: 503" },
	{ .title =
		  "MAIL that the server does not know after BDAT that it refused is the body",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n550 5.1.1 no\n503 5.5.1 no\n500 what?\n", "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 -5.1.1 1 ~4.4.2!mail ",
	  .failure = "does not know BDAT: 500" },
	{ .title = "a body refused for itself is no fault of BDAT",
	  .offer = ALL,
	  .messages = 2,
	  .window = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n554 5.6.0 no\n",
			   "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			   "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 -5.6.0@body 1 +2.0.0 " },
	{ .title = "a body may be refused before its end",
	  .offer = PIPELINE,
	  .messages = 1,
	  .long_body = true,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n250 ok\n354 go\n", "[some]\n" },
			 { "552 5.3.4 too large\n", "" } },
	  .results = "0 -5.3.4@body ",
	  .failure = "answered before the message was sent" },
	{ .title = "421 before the body's end is an answer to the body",
	  .offer = ALL,
	  .messages = 1,
	  .bytes = 50000,
	  .long_body = true,
	  .exchanges = { { "", "MAIL FROM:<me@office> SIZE=50000\nRCPT TO:<you@far>\n" },
			 { "250 ok\n250 ok\n", "BDAT 50000 LAST\n[some]\n" },
			 { "421 4.3.2 bye\n", "" } },
	  .results = "0 ~4.3.2@body ",
	  .failure = "421 4.3.2 bye" },
	{ .title =
		  "421 is the answer to what is awaited, and nothing behind it was taken",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n421 4.3.2 bye\n", "" } },
	  .results = "0 +2.0.0 1 ~4.3.2@mail in_hand ",
	  .failure = "421 4.3.2 bye" },
	{ .title = "a reply that nobody asked for ends the conversation",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n250 ok\n250 and another\n", "" } },
	  .results = "0 +2.0.0 ",
	  .failure = "unexpected reply: 250" },
	{ .title = "354 to MAIL is unclear, and ends the conversation",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n"
			       "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "354 go\n250 ok\n250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 ~4.5.0!mail in_hand unclear taken? 1 ~4.4.2!mail taken? ",
	  .failure = "unexpected reply: 354" },
	{ .title = "250 to DATA accepts nothing",
	  .offer = PIPELINE,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .results = "0 ~2.0.0!data in_hand unclear ",
	  .failure = "unexpected reply: 250" },
	{ .title = "354 to a recipient is unclear for all that are not refused",
	  .offer = "",
	  .messages = 1,
	  .recipients = { "a@far", "b@far", "c@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\n" },
			 { "250 ok\n", "RCPT TO:<a@far>\n" },
			 { "550 5.1.1 no\n", "RCPT TO:<b@far>\n" },
			 { "354 go\n", "" } },
	  .results = "0 -5.1.1~4.5.0!rcpt~4.5.0!rcpt in_hand unclear ",
	  .failure = "unexpected reply: 354" },
	{ .title = "a code that is none, to the whole body, is unclear",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "250 ok\n250 ok\n050 debug\n250 ok\n", "" } },
	  .results = "0 ~4.5.0!body in_hand unclear taken? ",
	  .failure = "unexpected reply: 050" },
	{ .title = "a web page is not SMTP",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\n"
			       "BDAT 100 LAST\n[body]\n" },
			 { "HTTP/1.1 200 OK\n", "" } },
	  .results = "0 ~4.5.0!mail in_hand unclear taken? ",
	  .failure = "not SMTP: HTTP/1.1 200 OK" },
	/* What ends the connection, and what it leaves in doubt. */
	{ .title = "a server that closes in order took nothing it said nothing about",
	  .offer = ALL,
	  .messages = 3,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .end = SMTP_END_OF_STREAM,
	  .results = "0 +2.0.0 1 ~4.4.2!mail in_hand 2 ~4.4.2!mail " },
	{ .title = "it may have taken the message that it was at work on",
	  .offer = ALL,
	  .messages = 3,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n", "" } },
	  .end = SMTP_END_OF_STREAM,
	  .results = "0 +2.0.0 1 ~4.4.2!rcpt in_hand taken? 2 ~4.4.2!mail " },
	{ .title = "a reset tells nothing if the last words were good",
	  .offer = ALL,
	  .messages = 3,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n250 ok\n", "" } },
	  .end = SMTP_END_RESET,
	  .results = "0 +2.0.0 1 ~4.4.2!mail in_hand taken? 2 ~4.4.2!mail taken? " },
	{ .title = "after a refusal a reset is the server's",
	  .offer = ALL,
	  .messages = 3,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n554 5.7.1 spam\n", "" } },
	  .end = SMTP_END_RESET,
	  .results = "0 -5.7.1@body 1 ~4.4.2!mail 2 ~4.4.2!mail " },
	{ .title = "after a refusal a cut link leaves the others in doubt",
	  .offer = ALL,
	  .messages = 2,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n554 5.7.1 spam\n", "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 -5.7.1@body 1 ~4.4.2!mail taken? " },
	{ .title = "after 421 nothing is in doubt, however the connection ends",
	  .offer = ALL,
	  .messages = 3,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n421 4.7.0 bye\n", "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 +2.0.0 1 ~4.7.0 in_hand 2 ~4.4.2!mail ",
	  .failure = "421 4.7.0 bye" },
	{ .title = "a refused recipient counts though the body's answer is lost",
	  .offer = PIPELINE,
	  .messages = 1,
	  .recipients = { "a@far", "b@far" },
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<a@far>\nRCPT TO:<b@far>\n"
			       "DATA\n" },
			 { "250 ok\n550 5.1.1 no\n250 ok\n354 go\n", "[dotted]\n.\n" } },
	  .end = SMTP_END_CUT,
	  .results = "0 -5.1.1~4.4.2!body in_hand taken? " },
	{ .title = "a body that is not out whole was not taken",
	  .offer = PIPELINE,
	  .messages = 1,
	  .long_body = true,
	  .exchanges = { { "", "MAIL FROM:<me@office>\nRCPT TO:<you@far>\nDATA\n" },
			 { "250 ok\n250 ok\n354 go\n", "[some]\n" } },
	  .end = SMTP_END_CUT,
	  .results = "0 ~4.4.2!body in_hand " },
	{ .title =
		  "a message whose sender is refused was not taken, though its body is out",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", ONE_CHUNK }, { "550 5.7.1 no\n", "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 -5.7.1@mail in_hand " },
	{ .title = "a message whose recipients are all refused was not taken either",
	  .offer = ALL,
	  .messages = 1,
	  .exchanges = { { "", ONE_CHUNK }, { "250 ok\n550 5.1.1 no\n", "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 -5.1.1 in_hand " },
	{ .title = "BDAT that worked and then is unknown leaves what follows in doubt",
	  .offer = ALL,
	  .messages = 3,
	  .exchanges = { { "", ONE_CHUNK ONE_CHUNK ONE_CHUNK },
			 { "250 ok\n250 ok\n250 ok\n250 ok\n250 ok\n500 what?\n", "" } },
	  .end = SMTP_END_CUT,
	  .results = "0 +2.0.0 1 -5.0.0@data 2 ~4.4.2!mail taken? ",
	  .failure = "does not know BDAT: 500" },
};

static void conversation(void **state)
{
	converse(&rows[(uintptr_t)*state]);
}

/*
 * A server says 4xx, 5xx or 421 at some point and closes: whatever the way of talking and
 * the end of the connection, the answer counts for whom it is about, and a message behind
 * it was not taken.
 */
enum talk {
	CHUNK,
	PIPE,
	ONE,
	TALKS,
};

static const char *const talk_names[] = { "chunked", "pipelined", "one by one" };
static const char *const offers[] = { ALL, PIPELINE, "" };

static const struct {
	const char *said;   /* to this ... */
	const char *before; /* ... after these replies */
	bool talks[TALKS];  /* the ways that come to this point */
	bool early;         /* the body is not out whole */
	/* What recipients a, b and c hear, "R" being the reply; by way if they differ. */
	const char *heard[TALKS];
} points[] = {
	{ "MAIL", "", { true, true, true }, false, { "R@mailR@mailR@mail" } },
	{ "the first recipient",
	  "250 ok\n",
	  { true, true, true },
	  false,
	  { "R~4.4.2!rcpt~4.4.2!rcpt" } },
	{ "the last recipient",
	  "250 ok\n250 ok\n250 ok\n",
	  { true, true, true },
	  false,
	  { "~4.4.2!body~4.4.2!bodyR", "~4.4.2!data~4.4.2!dataR",
	    "~4.4.2!data~4.4.2!dataR" } },
	{ "DATA",
	  "250 ok\n250 ok\n250 ok\n250 ok\n",
	  { false, true, true },
	  false,
	  { "R@dataR@dataR@data" } },
	{ "the body before its end",
	  "250 ok\n250 ok\n250 ok\n250 ok\n",
	  { true, false, false },
	  true,
	  { "R@bodyR@bodyR@body" } },
	{ "the body before its end",
	  "250 ok\n250 ok\n250 ok\n250 ok\n354 go\n",
	  { false, true, true },
	  true,
	  { "R@bodyR@bodyR@body" } },
	{ "the whole body",
	  "250 ok\n250 ok\n250 ok\n250 ok\n",
	  { true, false, false },
	  false,
	  { "R@bodyR@bodyR@body" } },
	{ "the whole body",
	  "250 ok\n250 ok\n250 ok\n250 ok\n354 go\n",
	  { false, true, true },
	  false,
	  { "R@bodyR@bodyR@body" } },
};

static const struct {
	const char *reply;
	const char *heard;
} words[] = {
	{ "450 4.2.0 later\n", "~4.2.0" },
	{ "550 5.7.1 no\n", "-5.7.1" },
	{ "421 4.3.2 bye\n", "~4.3.2" },
};

static const struct {
	const char *name;
	enum smtp_client_end end;
} closings[] = {
	{ "closes", SMTP_END_OF_STREAM },
	{ "resets", SMTP_END_RESET },
};

#define COMBINATIONS (LENGTH(points) * TALKS * LENGTH(words) * LENGTH(closings))

struct combination {
	char title[120];
	size_t point;
	enum talk talk;
	size_t word;
	size_t closing;
};

/* The first message's answers begin the results. */
static void check_heard(const struct combination *at, const char *results)
{
	const char *heard = points[at->point].heard[at->talk];
	AUTO_BUF wanted = BUF_INIT(1000);

	for (heard = heard ? heard : points[at->point].heard[0]; *heard; heard++)
		append(&wanted,
		       *heard == 'R' ? words[at->word].heard : (char[]){ *heard, '\0' });
	assert_memory_equal(results, "0 ", 2);
	assert_memory_equal(results + 2, wanted.data, wanted.len);
	assert_true(results[2 + wanted.len] == ' ');
}

/* The body of the message itself is in doubt at one point only: it was next, it had a
 * recipient, and a reset may be anything. */
static bool is_in_doubt(const struct combination *at)
{
	return at->talk == CHUNK &&
	       strcmp(points[at->point].said, "the last recipient") == 0 &&
	       closings[at->closing].end == SMTP_END_RESET &&
	       words[at->word].reply[1] != '2';
}

static void last_words(void **state)
{
	const struct combination *at = *state;
	bool early = points[at->point].early;
	struct row row = { .offer = offers[at->talk],
			   .recipients = { "a@far", "b@far", "c@far" },
			   .messages = 2,
			   .bytes = early ? 50000 : 100,
			   .long_body = early };
	struct play play;
	const char *behind;

	play_begin(&play, &row);
	play_on(&play, "");
	play_on(&play, points[at->point].before);
	play_on(&play, words[at->word].reply);
	play_end(&play, closings[at->closing].end);
	check_heard(at, play.results.data);
	behind = strstr(play.results.data, " 1 ");
	if (at->talk == CHUNK && !early)
		assert_non_null(behind);
	if (behind)
		assert_string_equal(behind, " 1 ~4.4.2!mail~4.4.2!mail~4.4.2!mail ");
	assert_true((strstr(play.results.data, "taken?") != NULL) == is_in_doubt(at));
	play_clear(&play);
}

static size_t fill_combinations(struct combination *out)
{
	size_t count = 0;

	for (size_t i = 0; i < COMBINATIONS; i++) {
		struct combination *at = &out[count];

		at->closing = i % LENGTH(closings);
		at->word = i / LENGTH(closings) % LENGTH(words);
		at->talk = (enum talk)(i / LENGTH(closings) / LENGTH(words) % TALKS);
		at->point = i / LENGTH(closings) / LENGTH(words) / TALKS;
		if (!points[at->point].talks[at->talk])
			continue;
		snprintf(at->title, sizeof(at->title),
			 "%s: %.3s to %s counts if it then %s", talk_names[at->talk],
			 words[at->word].reply, points[at->point].said,
			 closings[at->closing].name);
		count++;
	}
	return count;
}

/* VPOP3 answers the first of the commands that come together, and no other. */
static void what_is_awaited_is_known(void **state)
{
	const struct row row = { .offer = PIPELINE, .messages = 2 };
	struct smtp_client_wait wait;
	struct play play;

	(void)state;
	play_begin(&play, &row);
	play_on(&play, "");
	play_on(&play, "250 ok\n");
	wait = smtp_client_awaits(play.client);
	assert_int_equal(wait.asked, 3);
	assert_int_equal(wait.answered, 1);
	assert_int_equal(wait.stage, SMTP_AT_RCPT);
	smtp_client_feed(play.client, span_of("250 ok\n354 go\n"));
	wait = smtp_client_awaits(play.client);
	assert_int_equal(wait.stage, SMTP_AT_START);
	write_all(&play);
	wait = smtp_client_awaits(play.client);
	assert_int_equal(wait.asked, 4);
	assert_int_equal(wait.answered, 0);
	assert_int_equal(wait.stage, SMTP_AT_BODY);
	play_end(&play, SMTP_END_CUT);
	play_clear(&play);
}

/* A refusal may be about the way in which the command was given. */
static void what_was_used_is_told(void **state)
{
	static const char *const you = "you@far";
	struct smtp_offer offer = { .pipelining = true, .chunking = true, .size = true };
	struct smtp_client_message message = {
		.sender = "me@office", .recipients = &you, .count = 1, .wire_bytes = 40000
	};

	(void)state;
	for (int parameters = 0; parameters < 2; parameters++) {
		struct smtp_client *client;
		struct smtp_client_result *result;

		offer.size = parameters;
		client = smtp_client_new(&offer);
		smtp_client_start(client, &message);
		smtp_client_abandon(client, SMTP_END_CUT);
		result = smtp_client_take(client);
		assert_true(result->used_chunking && result->used_pipelining);
		assert_int_equal(result->used_parameters, parameters);
		smtp_client_result_free(result);
		smtp_client_free(client);
	}
}

int main(void)
{
	static struct combination combinations[COMBINATIONS];
	static struct CMUnitTest tests[LENGTH(rows) + COMBINATIONS + 2];
	size_t all = fill_combinations(combinations), count = 0;

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[count++] = (struct CMUnitTest){ .name = rows[i].title,
						      .test_func = conversation,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < all; i++)
		tests[count++] = (struct CMUnitTest){ .name = combinations[i].title,
						      .test_func = last_words,
						      .initial_state = &combinations[i] };
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(what_is_awaited_is_known);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(what_was_used_is_told);
	return _cmocka_run_group_tests("smtp client's end", tests, count, NULL, NULL);
}
