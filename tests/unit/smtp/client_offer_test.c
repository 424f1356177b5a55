#include "smtp/client_offer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"

static const struct {
	const char *title;
	const char *greeting;
	const char *lines[4]; /* of the answer to EHLO, behind the first */
	struct smtp_offer offer;
} rows[] = {
	{ .title = "nothing is offered after HELO", .lines = { NULL } },
	{ .title = "words are known in any case, and others are passed over",
	  .lines = { "250-pipelining", "250-XCLIENT NAME ADDR", "250 Chunking\r" },
	  .offer = { .pipelining = true, .chunking = true } },
	{ .title = "AUTH may be written with an equals sign",
	  .lines = { "250-AUTH=PLAIN LOGIN", "250 STARTTLS" },
	  .offer = { .auth = true, .starttls = true } },
	{ .title = "SIZE without a number is an offer without a limit",
	  .lines = { "250 SIZE" },
	  .offer = { .size = true } },
	{ .title = "SIZE has a limit",
	  .lines = { "250 SIZE 65536" },
	  .offer = { .size = true, .size_max = 65536 } },
	{ .title = "a SIZE below 64 KiB is no limit",
	  .lines = { "250 SIZE 65535" },
	  .offer = { .size = true } },
	{ .title = "of two SIZE lines the larger counts, whichever is first",
	  .lines = { "250-SIZE 1000000", "250-SIZE 20000000", "250 SIZE 500000" },
	  .offer = { .size = true, .size_max = 20000000 } },
	{ .title = "a SIZE that cannot be read is no limit",
	  .lines = { "250 SIZE 10MB" },
	  .offer = { .size = true } },
	{ .title = "LIMITS tells messages, recipients and domains",
	  .lines = { "250 LIMITS MAILMAX=10 RCPTMAX=50 RCPTDOMAINMAX=1" },
	  .offer = { .mails_max = 10,
		     .recipients_max = 50,
		     .recipient_domains_max = 1 } },
	{ .title = "LIMITS that cannot be read or are not known are none",
	  .lines = { "250-LIMITS MAILMAX=many RCPTMAX RCPTDOMAINMAX=",
		     "250 LIMITS  FOO=1 =2 rcptmax=7" },
	  .offer = { .recipients_max = 7 } },
	{ .title = "Exim is known by its greeting as a server that keeps senders",
	  .greeting = "220 mx.example ESMTP Exim 4.96 Sat, 28 Nov 2026 12:00:00 +0000",
	  .lines = { "250 PIPELINING" },
	  .offer = { .pipelining = true, .keeps_sender = true } },
	{ .title = "other greetings tell nothing",
	  .greeting = "220 eximious.example ESMTP Postfix",
	  .lines = { NULL } },
};

static void offer(void **state)
{
	size_t i = (uintptr_t)*state;
	const struct smtp_offer *wanted = &rows[i].offer;
	struct smtp_offer got = { 0 };

	if (rows[i].greeting)
		smtp_offer_greeting(&got, rows[i].greeting);
	for (size_t l = 0; l < LENGTH(rows[i].lines) && rows[i].lines[l]; l++)
		smtp_offer_line(&got, span_of(rows[i].lines[l]));
	assert_int_equal(got.pipelining, wanted->pipelining);
	assert_int_equal(got.chunking, wanted->chunking);
	assert_int_equal(got.auth, wanted->auth);
	assert_int_equal(got.starttls, wanted->starttls);
	assert_int_equal(got.keeps_sender, wanted->keeps_sender);
	assert_int_equal(got.size, wanted->size);
	assert_int_equal(got.size_max, wanted->size_max);
	assert_int_equal(got.mails_max, wanted->mails_max);
	assert_int_equal(got.recipients_max, wanted->recipients_max);
	assert_int_equal(got.recipient_domains_max, wanted->recipient_domains_max);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = offer;
		tests[i].initial_state = (void *)i;
	}
	return cmocka_run_group_tests_name("smtp offer", tests, NULL, NULL);
}
