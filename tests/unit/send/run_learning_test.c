#include "send/run_learning.h"
#include "send/run_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

#define WEEKS_S ((int64_t)21 * 86400)

static struct run run;
static char name[] = "isp";

static int know_nothing(void **state)
{
	(void)state;
	run = (struct run){ .outbound = { .smarthost = { .name = name } } };
	return 0;
}

/* What the server answered to the one recipient of a message that used all offers. */
static bool downgrade(enum smtp_stage stage, unsigned code)
{
	struct smtp_client_answer answer = { .verdict = SMTP_PERMANENT,
					     .stage = stage,
					     .reply = { .code = code } };
	const struct smtp_client_result result = { .count = 1,
						   .answers = &answer,
						   .used_chunking = true,
						   .used_pipelining = true,
						   .used_parameters = true };

	return run_downgrade(&run, &result, 0);
}

static void a_body_that_is_no_command_goes_by_data_for_weeks(void **state)
{
	(void)state;
	assert_true(downgrade(SMTP_AT_DATA, 502));
	assert_true(run.pool.shared.avoid_chunking);
	assert_false(run.pool.shared.avoid_pipelining);
	assert_true(run.memory.no_chunking_until > clock_wall_s() + WEEKS_S);
	assert_true(run.has_learnt);
	/* The present connections begin nothing more. */
	assert_int_equal(run.pool.shared.generation, 1);
}

static void a_command_out_of_sequence_goes_alone(void **state)
{
	(void)state;
	assert_true(downgrade(SMTP_AT_RCPT, 503));
	assert_true(run.pool.shared.avoid_pipelining);
	assert_false(run.pool.shared.avoid_chunking);
	assert_true(run.memory.no_pipelining_until > clock_wall_s() + WEEKS_S);
}

static void a_parameter_is_left_out_for_this_call_and_then_nothing_is_left(void **state)
{
	(void)state;
	assert_true(downgrade(SMTP_AT_MAIL, 555));
	assert_true(run.pool.shared.avoid_parameters);
	assert_false(run.pool.shared.avoid_chunking);
	assert_int_equal(run.memory.no_chunking_until, 0);
	assert_false(downgrade(SMTP_AT_MAIL, 555));
}

/* How two sessions in a row end after as many messages. */
static void end_twice(uint64_t count)
{
	run_learn_from_end(&run, count);
	run_learn_from_end(&run, count);
}

static void sessions_that_end_after_as_many_messages_teach_a_limit(void **state)
{
	(void)state;
	run_learn_from_end(&run, 10);
	assert_int_equal(run.memory.per_connection, 0);
	run_learn_from_end(&run, 10);
	assert_int_equal(run.memory.per_connection, 10);
	assert_int_equal(run.pool.shared.per_connection, 10);
	assert_true(run.memory.limits_until > clock_wall_s() + WEEKS_S);
	assert_true(run.has_learnt);
}

static void sessions_that_end_by_chance_teach_nothing(void **state)
{
	(void)state;
	run_learn_from_end(&run, 10);
	run_learn_from_end(&run, 3);
	run_learn_from_end(&run, 10);
	assert_int_equal(run.memory.per_connection, 0);
	assert_false(run.has_learnt);
}

static void a_connection_that_carried_nothing_teaches_nothing(void **state)
{
	(void)state;
	end_twice(0);
	assert_int_equal(run.pool.shared.per_connection, 0);
	assert_false(run.has_learnt);
}

static void a_limit_of_errors_is_no_limit_of_messages(void **state)
{
	(void)state;
	run.refused = 20;
	end_twice(20);
	assert_int_equal(run.memory.per_connection, 0);
}

static void a_setting_goes_before_what_is_learnt(void **state)
{
	const struct smtp_offer offer = { .mails_max = 50, .recipients_max = 60 };

	(void)state;
	run.outbound.smarthost.perconnection = run.pool.shared.per_connection = 3;
	run.outbound.smarthost.recipients = run.outbound.most_recipients = 4;
	end_twice(10);
	run_learn_offer(&run, &offer);
	assert_int_equal(run.pool.shared.per_connection, 3);
	assert_int_equal(run.outbound.most_recipients, 4);
	assert_int_equal(run.memory.per_connection, 0);
}

static const struct limits {
	const char *title;
	uint64_t learnt, offered, used;
} limits[] = {
	{ "no limit is known", 0, 0, 0 },
	{ "what the server offers holds", 0, 10, 10 },
	{ "what was learnt holds though nothing is offered", 7, 0, 7 },
	{ "what was learnt is less than what is offered", 7, 10, 7 },
	{ "what is offered is less than what was learnt", 12, 10, 10 },
};

static void one_limit(void **state)
{
	const struct limits *row = &limits[(uintptr_t)*state];
	const struct smtp_offer offer = { .mails_max = row->offered,
					  .recipients_max = row->offered };

	know_nothing(NULL);
	run.memory.per_connection = run.memory.recipients = row->learnt;
	run_learn_offer(&run, &offer);
	assert_int_equal(run.pool.shared.per_connection, row->used);
	assert_int_equal(run.outbound.most_recipients, row->used);
}

static void recipients_a_transaction_are_those_it_took(void **state)
{
	struct smtp_client_answer answers[] = { { .verdict = SMTP_ACCEPTED },
						{ .verdict = SMTP_ACCEPTED },
						{ .verdict = SMTP_TEMPORARY } };
	struct smtp_client_result result = { .count = LENGTH(answers),
					     .answers = answers };

	(void)state;
	assert_true(run_learn_recipients(&run, &result));
	assert_int_equal(run.memory.recipients, 2);
	assert_int_equal(run.outbound.most_recipients, 2);
	/* None was taken: half of those that were given may be. */
	answers[0].verdict = answers[1].verdict = SMTP_TEMPORARY;
	assert_true(run_learn_recipients(&run, &result));
	assert_int_equal(run.memory.recipients, 1);
	result.count = 1;
	assert_false(run_learn_recipients(&run, &result));
}

static void silence_after_several_commands_means_one_at_a_time(void **state)
{
	(void)state;
	run_learn_no_pipelining(&run);
	assert_true(run.pool.shared.avoid_pipelining);
	assert_true(run.memory.no_pipelining_until > clock_wall_s() + WEEKS_S);
	/* Who wants it all the same gets it. */
	know_nothing(NULL);
	run.outbound.smarthost.pipelining = SMARTHOST_YES;
	run_learn_no_pipelining(&run);
	assert_false(run.pool.shared.avoid_pipelining);
}

static void the_best_protection_is_remembered(void **state)
{
	(void)state;
	run_learn_protection(&run, NULL, PEER_TLS_NAMED);
	run_learn_protection(&run, NULL, PEER_TLS_ENCRYPTED);
	assert_int_equal(run.memory.tls, PEER_TLS_NAMED);
	/* The operator has said that less is right. */
	run.outbound.smarthost.tlslevel = SMARTHOST_LEVEL_ANY;
	run_learn_protection(&run, NULL, PEER_TLS_NONE);
	assert_int_equal(run.memory.tls, PEER_TLS_NONE);
}

static void of_a_mail_host_no_certificate_is_expected(void **state)
{
	(void)state;
	run.judge.is_mx = true;
	run_learn_protection(&run, NULL, PEER_TLS_NAMED);
	assert_int_equal(run.memory.tls, PEER_TLS_ENCRYPTED);
}

#define TEST(function) cmocka_unit_test_setup(function, know_nothing)

int main(void)
{
	const struct CMUnitTest single[] = {
		TEST(a_body_that_is_no_command_goes_by_data_for_weeks),
		TEST(a_command_out_of_sequence_goes_alone),
		TEST(a_parameter_is_left_out_for_this_call_and_then_nothing_is_left),
		TEST(sessions_that_end_after_as_many_messages_teach_a_limit),
		TEST(sessions_that_end_by_chance_teach_nothing),
		TEST(a_connection_that_carried_nothing_teaches_nothing),
		TEST(a_limit_of_errors_is_no_limit_of_messages),
		TEST(a_setting_goes_before_what_is_learnt),
		TEST(recipients_a_transaction_are_those_it_took),
		TEST(silence_after_several_commands_means_one_at_a_time),
		TEST(the_best_protection_is_remembered),
		TEST(of_a_mail_host_no_certificate_is_expected),
	};
	struct CMUnitTest tests[LENGTH(limits)] = { 0 };

	for (size_t i = 0; i < LENGTH(limits); i++)
		tests[i] = (struct CMUnitTest){ .name = limits[i].title,
						.test_func = one_limit,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("what is learnt of a server", single, NULL,
					   NULL) +
	       cmocka_run_group_tests_name("limits that are told and learnt", tests, NULL,
					   NULL);
}
