#include "../folder.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "deliver/qmail_program.h"

static char path[TEST_FOLDER_MAX];
static int home_fd = -1, message_fd = -1;

static int make(void **state)
{
	struct err err;

	(void)state;
	home_fd = test_folder_make(path);
	assert_int_equal(fchmod(home_fd, 0777), 0);
	assert_true(file_replace(home_fd, "message", "Subject: x\n\nhello\n", 18, 0644,
				 &err));
	message_fd = openat(home_fd, "message", O_RDONLY | O_CLOEXEC);
	return message_fd < 0;
}

static int destroy(void **state)
{
	(void)state;
	file_close(&message_fd);
	file_close(&home_fd);
	return test_folder_remove(path);
}

static enum qmail_verdict run(const char *command, uint64_t timeout_s,
			      char output[QMAIL_PROGRAM_OUTPUT_MAX], struct err *err)
{
	static char search[] = "PATH=/usr/bin:/bin";
	static char *environment[] = { search, NULL };
	struct qmail_program program = { .command = command,
					 .environment = environment,
					 .home_fd = home_fd,
					 .message_fd = message_fd,
					 .alarms = { -1, -1 },
					 .timeout_s = timeout_s,
					 .uid = 65534,
					 .gid = 65534 };

	return qmail_program_run(&program, output, err);
}

static const struct {
	const char *title;
	const char *command;
	enum qmail_verdict verdict;
	const char *output;
} rows[] = {
	{ "it gets the message on its stdin", "cat", QMAIL_DONE, "Subject: x\n\nhello" },
	{ "from its beginning, each time", "head -1; exit 99", QMAIL_STOP, "Subject: x" },
	{ "what it prints is kept", "echo out; echo err >&2", QMAIL_DONE, "out\nerr" },
	{ "it is at home", "cat message | head -1", QMAIL_DONE, "Subject: x" },
	{ "what it makes is its user's alone", "umask", QMAIL_DONE, "0077" },
	{ "it need not read", "true", QMAIL_DONE, "" },
	{ "a refusal is for good", "echo no; exit 100", QMAIL_NEVER, "no" },
	{ "a soft failure is for now", "exit 111", QMAIL_LATER, "" },
	{ "a crash too", "kill -SEGV $$", QMAIL_LATER, "" },
	{ "what is not there too", "/no/such/program 2>/dev/null", QMAIL_LATER, "" },
	{ "a child that lives on holds nothing up", "sleep 20 & echo gone", QMAIL_DONE,
	  "gone" },
	{ "it ignores no signal", "kill -PIPE $$", QMAIL_LATER, "" },
};

static void it_runs(void **state)
{
	size_t i = (uintptr_t)*state;
	char output[QMAIL_PROGRAM_OUTPUT_MAX];
	struct err err = { 0 };

	assert_int_equal(run(rows[i].command, 15, output, &err), rows[i].verdict);
	assert_string_equal(output, rows[i].output);
}

static void exit_codes_mean_what_they_mean_to_qmail(void **state)
{
	static const int never[] = { 100, 64, 65, 70, 76, 77, 78, 112 };
	bool is_never[256] = { false };

	(void)state;
	for (size_t i = 0; i < LENGTH(never); i++)
		is_never[never[i]] = true;
	for (int code = 0; code < 256; code++)
		assert_int_equal(qmail_program_verdict(code), code == 0    ? QMAIL_DONE
							      : code == 99 ? QMAIL_STOP
							      : is_never[code]
								      ? QMAIL_NEVER
								      : QMAIL_LATER);
}

static void its_time_ends_it_and_its_children(void **state)
{
	char output[QMAIL_PROGRAM_OUTPUT_MAX];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run("sleep 100 & echo $!; wait", 1, output, &err), QMAIL_LATER);
	assert_non_null(strstr(err.text, "killed"));
}

static void who_wanted_it_and_leaves_ends_it(void **state)
{
	static char *environment[] = { NULL };
	char output[QMAIL_PROGRAM_OUTPUT_MAX];
	struct qmail_program program = { .command = "exec sleep 100",
					 .environment = environment,
					 .home_fd = home_fd,
					 .message_fd = message_fd,
					 .timeout_s = 100,
					 .uid = 65534,
					 .gid = 65534 };
	struct err err = { 0 };
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	close(pair[1]);
	program.alarms[0] = pair[0];
	program.alarms[1] = -1;
	assert_int_equal(qmail_program_run(&program, output, &err), QMAIL_LATER);
	close(pair[0]);
}

static void a_flood_is_cut(void **state)
{
	char output[QMAIL_PROGRAM_OUTPUT_MAX];
	struct err err = { 0 };

	(void)state;
	assert_int_equal(run("head -c 20000000 /dev/zero | tr '\\0' x", 60, output, &err),
			 QMAIL_DONE);
	assert_int_equal(strlen(output), QMAIL_PROGRAM_OUTPUT_MAX - 1);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 4] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_runs,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(
		exit_codes_mean_what_they_mean_to_qmail);
	tests[LENGTH(rows) + 1] =
		(struct CMUnitTest)cmocka_unit_test(its_time_ends_it_and_its_children);
	tests[LENGTH(rows) + 2] =
		(struct CMUnitTest)cmocka_unit_test(who_wanted_it_and_leaves_ends_it);
	tests[LENGTH(rows) + 3] = (struct CMUnitTest)cmocka_unit_test(a_flood_is_cut);
	return cmocka_run_group_tests_name("programs of .qmail files", tests, make,
					   destroy);
}
