#include "qmtp/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const people[] = { "you@far", "she@far" };

static void start(struct qmtp_client *client, int *tag, size_t count)
{
	qmtp_client_start(client, &(struct smtp_client_message){ .tag = tag,
								 .sender = "me@x",
								 .recipients = people,
								 .count = count,
								 .wire_bytes = 12 });
	assert_ptr_equal(qmtp_client_body(client), tag);
	qmtp_client_body_done(client);
}

static void packages_follow_without_waiting(void **state)
{
	struct qmtp_client *client = qmtp_client_new();
	int one, other;

	(void)state;
	qmtp_client_set_window(client, 2, 100);
	assert_true(qmtp_client_may_start(client, 12));
	start(client, &one, 2);
	assert_true(qmtp_client_may_start(client, 12));
	assert_false(qmtp_client_may_start(client, 200));
	start(client, &other, 1);
	assert_string_equal(qmtp_client_commands(client)->data,
			    "13:\r,4:me@x,20:7:you@far,7:she@far,,"
			    "13:\r,4:me@x,10:7:you@far,,");
	assert_false(qmtp_client_may_start(client, 12));
	qmtp_client_free(client);
}

static void answers_come_in_order(void **state)
{
	static const char bytes[] = "8:Kok qp 1,21:Dno mailbox. (#5.1.1),5:Zbusy,";
	struct qmtp_client *client = qmtp_client_new();
	struct smtp_client_result *result;
	int one, other;

	(void)state;
	qmtp_client_set_window(client, 2, 100);
	start(client, &one, 2);
	start(client, &other, 1);
	buf_reset(qmtp_client_commands(client));
	for (size_t i = 0; bytes[i]; i++)
		assert_true(qmtp_client_feed(client, (struct span){ bytes + i, 1 }));
	result = qmtp_client_take(client);
	assert_ptr_equal(result->tag, &one);
	assert_int_equal(result->answers[0].verdict, SMTP_ACCEPTED);
	assert_string_equal(result->answers[0].reply.text, "ok qp 1");
	assert_int_equal(result->answers[1].verdict, SMTP_PERMANENT);
	assert_string_equal(result->answers[1].reply.status, "5.1.1");
	smtp_client_result_free(result);
	result = qmtp_client_take(client);
	assert_ptr_equal(result->tag, &other);
	assert_int_equal(result->answers[0].verdict, SMTP_TEMPORARY);
	assert_string_equal(result->answers[0].reply.status, "4.0.0");
	smtp_client_result_free(result);
	assert_null(qmtp_client_take(client));
	qmtp_client_free(client);
}

static const struct {
	const char *title;
	const char *bytes;
} faults[] = {
	{ "a greeting is not QMTP", "220 smtp.example\r\n" },
	{ "an answer without its letter is none", "2:ok," },
	{ "an empty answer is none", "0:," },
	{ "more answers than were asked for are a fault", "3:Kok,3:Kok," },
};

static void fault(void **state)
{
	size_t i = (uintptr_t)*state;
	struct qmtp_client *client = qmtp_client_new();
	int tag;

	start(client, &tag, 1);
	buf_reset(qmtp_client_commands(client));
	assert_false(qmtp_client_feed(client, span_of(faults[i].bytes)));
	assert_non_null(qmtp_client_failure(client));
	assert_false(qmtp_client_may_start(client, 1));
	qmtp_client_free(client);
}

static void an_answer_before_the_package_ends_is_a_fault(void **state)
{
	struct qmtp_client *client = qmtp_client_new();
	int tag;

	(void)state;
	start(client, &tag, 1);
	assert_false(qmtp_client_feed(client, span_of("3:Kok,")));
	qmtp_client_free(client);
}

static void what_was_answered_counts_when_the_connection_ends(void **state)
{
	struct qmtp_client *client = qmtp_client_new();
	struct smtp_client_result *result;
	int one, other;

	(void)state;
	qmtp_client_set_window(client, 2, 100);
	start(client, &one, 2);
	start(client, &other, 1);
	buf_reset(qmtp_client_commands(client));
	assert_true(qmtp_client_feed(client, span_of("21:Dno mailbox. (#5.1.1),")));
	qmtp_client_abandon(client);
	result = qmtp_client_take(client);
	assert_ptr_equal(result->tag, &one);
	assert_int_equal(result->answers[0].verdict, SMTP_PERMANENT);
	assert_false(result->answers[0].unanswered);
	assert_int_equal(result->answers[1].verdict, SMTP_TEMPORARY);
	assert_true(result->answers[1].unanswered);
	assert_true(result->in_hand && result->may_be_taken);
	smtp_client_result_free(result);
	result = qmtp_client_take(client);
	assert_ptr_equal(result->tag, &other);
	assert_true(result->answers[0].unanswered && !result->in_hand);
	smtp_client_result_free(result);
	assert_false(qmtp_client_may_start(client, 1));
	qmtp_client_free(client);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(faults) + 4];

	for (size_t i = 0; i < LENGTH(faults); i++)
		tests[i] = (struct CMUnitTest){ .name = faults[i].title,
						.test_func = fault,
						.initial_state = (void *)i };
	tests[LENGTH(faults)] =
		(struct CMUnitTest)cmocka_unit_test(packages_follow_without_waiting);
	tests[LENGTH(faults) + 1] =
		(struct CMUnitTest)cmocka_unit_test(answers_come_in_order);
	tests[LENGTH(faults) + 2] = (struct CMUnitTest)cmocka_unit_test(
		an_answer_before_the_package_ends_is_a_fault);
	tests[LENGTH(faults) + 3] = (struct CMUnitTest)cmocka_unit_test(
		what_was_answered_counts_when_the_connection_ends);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
