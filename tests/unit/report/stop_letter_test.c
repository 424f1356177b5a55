#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report/stop_letter.h"
#include "report/stop_text.h"

/* Wed 2026-11-25 13:05:00 UTC. */
#define NOW INT64_C(1795611900)

static struct stop stop_of(const char *scope, const char *key)
{
	struct stop stop = { .since = NOW, .until = NOW + 3600, .times = 1 };

	snprintf(stop.scope, sizeof(stop.scope), "%s", scope);
	snprintf(stop.key, sizeof(stop.key), "%s", key);
	return stop;
}

static const struct {
	const char *title;
	const char *scope;
	const char *key;
	const char *what;
	const char *reason;
	const char *text;
} texts[] = {
	{ "a quota says when it is over", "account", "", "daily limit of the provider",
	  "550 5.4.5 Daily user sending limit exceeded",
	  "daily limit of the provider, again at 14:05 (550 5.4.5 Daily user sending limit "
	  "exceeded)" },
	{ "a login keeps its time", "login", "", "", "535 no",
	  "the login is refused, again at 14:05 (535 no)" },
	{ "a place ends sooner with another link", "place", "", "our address is listed",
	  "", "our address is listed, again at 14:05 or when a link comes up" },
	{ "a clock ends with the clock", "clock", "", "", "not yet valid",
	  "the clock of this machine is not right, again when the clock is right (not yet "
	  "valid)" },
	{ "a letter waits for a person", "person", "1.x", "", "unclear three times",
	  "it is held, until a person lets it go (unclear three times)" },
};

static void text(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	struct stop stop = stop_of(texts[i].scope, texts[i].key);
	char out[STOP_TEXT_MAX];

	snprintf(stop.what, sizeof(stop.what), "%s", texts[i].what);
	snprintf(stop.reason, sizeof(stop.reason), "%s", texts[i].reason);
	stop_explain(&stop, NOW, out);
	assert_string_equal(out, texts[i].text);
}

static const struct {
	const char *title;
	const char *scope;
	uint64_t times;
	int64_t lasted;
	bool ever_sent;
	bool told;
} news[] = {
	{ "nothing is told in the first seconds", "certificate", 1, 5, false, false },
	{ "a certificate is told then", "certificate", 1, 15, true, true },
	{ "a refused sender is told", "sender", 1, 15, true, true },
	{ "a login that never worked is told", "login", 1, 15, false, true },
	{ "a login that worked before is tried again first", "login", 1, 15, true,
	  false },
	{ "and told when it is refused again", "login", 2, 900, true, true },
	{ "a place that never took mail is told", "place", 1, 15, false, true },
	{ "a place that took mail has its hour", "place", 1, 3000, true, false },
	{ "and is told after it", "place", 1, 4000, true, true },
	{ "a quota is no news", "account", 3, 80000, true, false },
	{ "but for more than a day", "account", 9, 90000, true, true },
	{ "a portal is no news", "network", 30, 80000, false, false },
	{ "a clock that nobody sets is, after a day", "clock", 30, 90000, true, true },
	{ "an offer that does not work is never told", "peer", 30, 900000, true, false },
	{ "nor is a pause", "session", 30, 900000, true, false },
};

static void is_news(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	struct stop stop = stop_of(news[i].scope, "");

	stop.times = news[i].times;
	assert_int_equal(
		stop_is_to_be_told(&stop, news[i].ever_sent, NOW + news[i].lasted),
		news[i].told);
	stop.told = NOW;
	assert_false(stop_is_to_be_told(&stop, news[i].ever_sent, NOW + news[i].lasted));
}

static void expect(struct buf *letter, const char *words)
{
	for (char *at = letter->data; *at; at++)
		if (*at == '\n' && at[1] != '\n' && at[1] != ' ')
			*at = ' ';
	if (!strstr(letter->data, words))
		fail_msg("no \"%s\" in: %s", words, letter->data);
}

static void the_postmaster_hears_what_happened_and_what_helps(void **state)
{
	AUTO_BUF out = BUF_INIT(8192);
	struct stop stop = stop_of("login", "");
	struct stop_letter letter = { .me = "gate.example",
				      .smarthost = "isp",
				      .stop = &stop,
				      .now = NOW + 60,
				      .to = "postmaster@gate.example" };

	(void)state;
	snprintf(stop.reason, sizeof(stop.reason), "535 5.7.8 bad\r\nSubject: spam");
	assert_true(stop_letter_for_postmaster(&out, &letter));
	assert_null(strstr(out.data, "\nSubject: spam"));
	assert_non_null(
		strstr(out.data, "\nSubject: Mail waits: smarthost isp is stopped\n"));
	assert_non_null(strstr(out.data, "\nAuto-Submitted: auto-generated\n"));
	assert_non_null(strstr(out.data, "\n    lontar flush isp\n"));
	for (const char *line = out.data; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 78);
	expect(&out,
	       "All mail for the smarthost isp has been waiting since 13:05: the login is refused.");
	expect(&out, "The gateway tries again at 14:05, by itself.");
	expect(&out,
	       "Put the right password into the file that the key passwordfile names");
	expect(&out, "535 5.7.8 bad");
}

static void a_sender_hears_that_his_mail_waits(void **state)
{
	AUTO_BUF out = BUF_INIT(8192);
	struct stop stop = stop_of("sender", "root@gate.example");
	struct stop_letter letter = { .me = "gate.example",
				      .smarthost = "isp",
				      .stop = &stop,
				      .now = NOW,
				      .to = "root@gate.example" };

	(void)state;
	assert_true(stop_letter_for_sender(&out, &letter));
	expect(&out,
	       "does not take it from your address, root@gate.example. You need not "
	       "send it again");
	buf_reset(&out);
	assert_true(stop_letter_for_postmaster(&out, &letter));
	expect(&out, "Subject: Mail from root@gate.example waits");
	expect(&out, "Mail of other senders goes on.");
}

static void held_letters_are_told_together(void **state)
{
	AUTO_BUF out = BUF_INIT(32768);
	struct stops stops = { 0 };
	struct stop_letter letter = { .me = "gate.example",
				      .smarthost = "isp",
				      .stops = &stops,
				      .now = NOW,
				      .to = "postmaster@gate.example" };
	char key[20];

	(void)state;
	for (int i = 0; i < 25; i++) {
		struct stop stop;

		snprintf(key, sizeof(key), "%d.x", i);
		stop = stop_of(i == 24 ? "sender" : "person", key);
		snprintf(stop.reason, sizeof(stop.reason), "no final reply to %d", i);
		stops_put(&stops, &stop);
	}
	stops.items[0].told = NOW;
	assert_true(stop_letter_of_held(&out, &letter));
	assert_non_null(strstr(out.data, "\n    1.x\n        no final reply to 1\n"));
	assert_null(strstr(out.data, "    0.x"));
	assert_null(strstr(out.data, "    24.x"));
	expect(&out, "    and 3 more");
	expect(&out, "`lontar release ID` sends it again");
	stops_clear(&stops);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(the_postmaster_hears_what_happened_and_what_helps),
		cmocka_unit_test(a_sender_hears_that_his_mail_waits),
		cmocka_unit_test(held_letters_are_told_together),
	};
	struct CMUnitTest tests[LENGTH(texts) + LENGTH(news) + LENGTH(others)] = { 0 };
	size_t count = 0;

	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < LENGTH(texts); i++)
		tests[count++] = (struct CMUnitTest){ .name = texts[i].title,
						      .test_func = text,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(news); i++)
		tests[count++] = (struct CMUnitTest){ .name = news[i].title,
						      .test_func = is_news,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(others); i++)
		tests[count++] = others[i];
	return cmocka_run_group_tests_name("stop letter", tests, NULL, NULL);
}
