#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attr.h"
#include "verdict/reply_tokens.h"

static const struct {
	const char *title;
	const char *text;
	const char *tokens; /* words, /links, and <kinds> */
} rows[] = {
	{ "letters are lower case, signs are dropped", "550-Mailbox FULL, sorry!",
	  "550 mailbox full sorry" },
	{ "capitals part words", "SendAsDenied; RecipientNotFound",
	  "send as denied recipient not found" },
	{ "words of capitals are whole", "SMTP RBL iCloud", "smtp rbl icloud" },
	{ "an apostrophe of doesn't is dropped", "doesn't user's d'une",
	  "doesnt users d une" },
	{ "addresses", "<ann@far.example>: no, or to bob@far.example.",
	  "<address> no or to <address>" },
	{ "what stands behind an address", "rcpt (ann@far.example:blocked)",
	  "rcpt <address>" },
	{ "IPv4, with a port and in brackets",
	  "host[192.0.2.1]:25 IP=192.0.2.1 (192.0.2.1:7)", "host <ip> 25 ip <ip> <ip>" },
	{ "a word and an address with a colon", "IP:192.0.2.1", "ip <ip>" },
	{ "IPv6", "[2001:db8::25] ::1 fe80::1.", "<ip> <ip> <ip>" },
	{ "five groups of digits are no address", "1.2.3.4.5", "1 2 3 4 5" },
	{ "a time", "retry in 00:05:00.", "retry in <clock>" },
	{ "words of a URL are marked",
	  "see https://a.example/mail/?p=OverQuota#x for more",
	  "see /https /a /example /mail /p /over /quota /x for more" },
	{ "a URL ends at a bracket", "<http://x.example/rbl> yes",
	  "/http /x /example /rbl yes" },
	{ "accents of UTF-8 are dropped",
	  "Bo\xc3\xaete d\xc3\xa9j\xc3\xa0 Gr\xc3\xb6\xc3\x9f"
	  "e",
	  "boite deja grosse" },
	{ "what is no text parts words",
	  "a\x01"
	  "b\xff"
	  "c",
	  "a b c" },
	{ "half a letter of UTF-8", "a\xc3", "a" },
	{ "nothing", "", "" },
	{ "signs alone", ". : @ <> '", "" },
};

static void put(char *out, size_t size, const struct reply_token *token)
{
	size_t used = strlen(out);
	const char *blank = used ? " " : "";

	switch (token->kind) {
	case REPLY_WORD:
	case REPLY_NUMBER:
		snprintf(out + used, size - used, "%s%.*s", blank, SPAN_ARG(token->text));
		break;
	case REPLY_LINK:
		snprintf(out + used, size - used, "%s/%.*s", blank,
			 SPAN_ARG(token->text));
		break;
	case REPLY_CLOCK:
		snprintf(out + used, size - used, "%s<clock>", blank);
		break;
	case REPLY_ADDRESS:
		snprintf(out + used, size - used, "%s<address>", blank);
		break;
	case REPLY_IP:
		snprintf(out + used, size - used, "%s<ip>", blank);
		break;
	}
}

static void check_row(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct reply_tokens tokens;
	char got[1024] = "";

	reply_tokens_read(&tokens, span_of(rows[row].text));
	for (size_t i = 0; i < tokens.count; i++)
		put(got, sizeof(got), &tokens.at[i]);
	assert_string_equal(got, rows[row].tokens);
}

static const struct {
	const char *text;
	size_t at, taken;
	uint32_t seconds;
} times[] = {
	{ "5 minutes", 0, 2, 300 },
	{ "in 1797 seconds", 1, 2, 1797 },
	{ "5m", 0, 1, 300 },
	{ "90s", 0, 1, 90 },
	{ "an hour", 0, 2, 3600 },
	{ "2 Stunden", 0, 2, 7200 },
	{ "une heure", 0, 2, 3600 },
	{ "24h", 0, 1, 86400 },
	{ "00:29:57", 0, 1, 1797 },
	{ "5 messages", 0, 0, 0 },
	{ "minutes", 0, 0, 0 },
	{ "5", 0, 0, 0 },
	{ "a while", 0, 0, 0 },
	{ "99999999999 hours", 0, 0, 0 },
	{ "x", 7, 0, 0 },
};

static void times_are_read_in_several_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(times); i++) {
		struct reply_tokens tokens;
		uint32_t seconds = 0;

		reply_tokens_read(&tokens, span_of(times[i].text));
		print_message("%s\n", times[i].text);
		assert_int_equal(reply_tokens_time(&tokens, times[i].at, &seconds),
				 times[i].taken);
		assert_int_equal(seconds, times[i].seconds);
	}
}

static void a_text_of_any_length_is_cut(void **state)
{
	static char text[20000];
	struct reply_tokens tokens;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? ' ' : 'x';
	reply_tokens_read(&tokens, (struct span){ text, sizeof(text) });
	assert_int_equal(tokens.count, REPLY_TOKENS_MAX);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = {
		cmocka_unit_test(times_are_read_in_several_forms),
		cmocka_unit_test(a_text_of_any_length_is_cut),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[2 + i] =
			(struct CMUnitTest){ .name = rows[i].title,
					     .test_func = check_row,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
