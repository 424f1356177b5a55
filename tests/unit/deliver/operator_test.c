#include "parked_mail.h"

#include "deliver/operator.h"

#define H PARKED_HELD
#define S PARKED_SENDING
#define U PARKED_UNCERTAIN
#define W PARKED_WAITING

static const struct {
	const char *title;
	enum parked_state before;
	const char *verb;
	int exit_code;
	bool gone;
	enum parked_state after;
	unsigned priority;
	int64_t not_before; /* it was 1000000000000 */
} rows[] = {
	{ "hold keeps it", W, "hold", 0, false, H, 0, 1000000000000 },
	{ "release lets it go at once", H, "release", 0, false, W, 0, 0 },
	{ "release sends an uncertain one again", U, "release", 0, false, W, 0, 0 },
	{ "first goes before the others, now", W, "first", 0, false, W, 9, 0 },
	{ "first leaves a held one held", H, "first", 0, false, H, 9, 0 },
	{ "first is no leave to send an uncertain one again", U, "first", 0, false, U, 9,
	  1000000000000 },
	{ "drop takes it away", W, "drop", 0, true, W, 0, 0 },
	{ "drop takes an uncertain one away", U, "drop-silent", 0, true, W, 0, 0 },
	{ "what a dead flush was sending is uncertain: hold", S, "hold", 0, false, H, 0,
	  1000000000000 },
	{ "what a dead flush was sending can be dropped", S, "drop-silent", 0, true, W, 0,
	  0 },
	{ "another verb is none", W, "eat", EX_USAGE, false, W, 0, 1000000000000 },
};

static void it_is_done(void **state)
{
	size_t i = (uintptr_t)*state;
	struct err err = { 0 };
	struct parked *parked;
	struct parked_name name, to;

	office_make(state);
	parked_mail_make("ann@clinic.example");
	parked = parked_open(office_fd, "isp", false, &err);
	assert_true(parked_mail_find(parked, &name));
	to = name;
	to.state = rows[i].before;
	to.not_before = 1000000000000;
	assert_true(parked_rename(parked, &name, &to, &err));
	assert_int_equal(
		operator_act(office_fd, "isp", rows[i].verb, name.id, NULL, &err),
		rows[i].exit_code == 0);
	if (rows[i].exit_code)
		assert_int_equal(err.exit_code, rows[i].exit_code);
	assert_int_equal(parked_mail_find(parked, &name), !rows[i].gone);
	if (!rows[i].gone) {
		assert_int_equal(name.state, rows[i].after);
		assert_int_equal(name.priority, rows[i].priority);
		assert_int_equal(name.not_before, rows[i].not_before);
	}
	parked_close(parked);
	office_remove(state);
}

static void a_dropped_message_is_returned_to_its_sender(void **state)
{
	AUTO_BUF text = BUF_INIT(65536);
	struct err err = { 0 };
	struct parked *parked;
	struct parked_name name;

	office_make(state);
	parked_mail_make("ann@clinic.example");
	parked = parked_open(office_fd, "isp", false, &err);
	assert_true(parked_mail_find(parked, &name));
	assert_true(operator_act(office_fd, "isp", "drop", name.id, NULL, &err));
	assert_int_equal(office_files("mail/ann/Maildir/new", &text), 1);
	assert_non_null(strstr(text.data, "x@abroad.example"));
	assert_non_null(strstr(text.data, "y@abroad.example"));
	assert_non_null(strstr(text.data, "\nSubject: far away\n"));
	assert_null(strstr(text.data, "\nhello\n"));
	parked_close(parked);
	office_remove(state);
}

static void what_another_holds_the_lock_of_is_left_alone(void **state)
{
	struct err err = { 0 };
	struct parked *parked;
	struct parked_name name;

	office_make(state);
	parked_mail_make("ann@clinic.example");
	parked = parked_open(office_fd, "isp", false, &err);
	assert_true(parked_lock(parked, &err));
	assert_true(parked_mail_find(parked, &name));
	assert_false(operator_act(office_fd, "isp", "drop", name.id, NULL, &err));
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	name.state = PARKED_SENDING; /* the lock's holder is at it */
	assert_true(parked_mail_find(parked, &name));
	parked_close(parked);
	assert_false(operator_act(office_fd, "isp", "drop", "1.M1P1Q1.none", NULL, &err));
	assert_int_equal(err.exit_code, EX_NOINPUT);
	office_remove(state);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_done,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(
		a_dropped_message_is_returned_to_its_sender);
	tests[LENGTH(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(
		what_another_holds_the_lock_of_is_left_alone);
	return cmocka_run_group_tests_name("operators", tests, NULL, NULL);
}
