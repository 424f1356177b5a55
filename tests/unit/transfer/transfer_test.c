#include "transfer/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>

/* A worker that leaves at its first call-back. */
struct worker {
	struct transfer transfer;
	unsigned ticks, stops;
	char why[40];
};

static void on_stop(void *ctx, const char *why)
{
	struct worker *worker = ctx;

	worker->stops++;
	snprintf(worker->why, sizeof(worker->why), "%s", why);
	transfer_leave(&worker->transfer);
}

static void on_tick(void *ctx)
{
	struct worker *worker = ctx;

	worker->ticks++;
	transfer_leave(&worker->transfer);
}

static const struct transfer_handler handler = { on_stop, on_tick };

static void a_worker_ticks_by_itself(void **state)
{
	struct worker worker = { .ticks = 0 };

	(void)state;
	transfer_begin(&worker.transfer, &handler, &worker, false);
	transfer_run(&worker.transfer);
	assert_int_equal(worker.ticks, 1);
	assert_int_equal(worker.stops, 0);
	transfer_end(&worker.transfer);
}

static void a_signal_stops_it_with_a_reason(void **state)
{
	struct worker worker = { .ticks = 0 };

	(void)state;
	transfer_begin(&worker.transfer, &handler, &worker, false);
	assert_int_equal(raise(SIGTERM), 0);
	transfer_run(&worker.transfer);
	assert_int_equal(worker.stops, 1);
	assert_string_equal(worker.why, "told to stop");
	transfer_end(&worker.transfer);
}

/* It would end the process before it has told how it ended. */
static void a_signal_at_the_very_end_does_nothing(void **state)
{
	struct worker worker = { .ticks = 0 };

	(void)state;
	transfer_begin(&worker.transfer, &handler, &worker, false);
	transfer_end(&worker.transfer);
	assert_int_equal(raise(SIGTERM), 0);
	ev_run(worker.transfer.loop, EVRUN_NOWAIT);
	assert_int_equal(worker.stops, 0);
}

static void the_first_reason_is_the_one_that_is_told(void **state)
{
	struct worker worker = { .ticks = 0 };
	struct err err;

	(void)state;
	transfer_begin(&worker.transfer, &handler, &worker, false);
	assert_int_equal(worker.transfer.why.kind, ERR_NONE);
	err_exit(&err, EX_CONFIG, "the first");
	transfer_blame(&worker.transfer, &err);
	err_temporary(&err, "4.4.2", "what followed from it");
	transfer_blame(&worker.transfer, &err);
	assert_string_equal(worker.transfer.why.text, "the first");
	assert_int_equal(err_exit_code(&worker.transfer.why), EX_CONFIG);
	transfer_end(&worker.transfer);
}

/* A process ends only once. What the last one left blocked is dropped here. */
static int begin_anew(void **state)
{
	sigset_t term;

	(void)state;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	signal(SIGTERM, SIG_IGN);
	return sigprocmask(SIG_UNBLOCK, &term, NULL);
}

#define TEST(function) cmocka_unit_test_setup(function, begin_anew)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_worker_ticks_by_itself),
		TEST(a_signal_stops_it_with_a_reason),
		TEST(a_signal_at_the_very_end_does_nothing),
		TEST(the_first_reason_is_the_one_that_is_told),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, NULL);
}
