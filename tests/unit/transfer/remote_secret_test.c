#include "transfer/remote_secret.h"

#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"

static char folder[TEST_FOLDER_MAX];
static int control_fd;

/* What the call-back was told. */
struct answer {
	struct ev_loop *loop;
	unsigned count;
	bool has_secret;
	char secret[64];
	struct err err;
};

static void on_secret(void *ctx, char *secret, const struct err *err)
{
	struct answer *answer = ctx;

	answer->count++;
	answer->has_secret = secret != NULL;
	snprintf(answer->secret, sizeof(answer->secret), "%s", secret ? secret : "");
	if (err)
		answer->err = *err;
	remote_secret_wipe(secret);
	ev_break(answer->loop, EVBREAK_ALL);
}

static const struct {
	const char *title;
	struct remote_account account;
	const char *secret; /* NULL: none */
	int exit_code;
	const char *why; /* how the reason begins */
} rows[] = {
	{ .title = "an account without a login has no secret",
	  .account = { .passwordfile = "password" } },
	{ .title = "the password of its file",
	  .account = { .user = "ann", .passwordfile = "password" },
	  .secret = "open sesame" },
	{ .title = "a token of its file",
	  .account = { .user = "ann", .tokenfile = "token" },
	  .secret = "ya29.token" },
	{ .title = "a password comes before a token",
	  .account = { .user = "ann",
		       .passwordfile = "password",
		       .tokenfile = "token",
		       .tokencommand = "echo other" },
	  .secret = "open sesame" },
	{ .title = "what its command prints",
	  .account = { .user = "ann", .tokencommand = "echo ya29.fresh" },
	  .secret = "ya29.fresh" },
	{ .title = "a file that is not there is a person's to make",
	  .account = { .user = "ann", .passwordfile = "none" },
	  .exit_code = EX_CONFIG,
	  .why = "smarthost isp: " },
	{ .title = "a command that fails may work later",
	  .account = { .user = "ann", .tokencommand = "exit 1" },
	  .exit_code = EX_TEMPFAIL,
	  .why = "smarthost isp: tokencommand gave no token" },
	{ .title = "a command may say that a person must log in",
	  .account = { .user = "ann", .tokencommand = "exit 77" },
	  .exit_code = EX_NOPERM,
	  .why = "smarthost isp: tokencommand says that somebody must log in first" },
};

static void ask(struct remote_secret *secret, struct answer *answer,
		struct remote_account account)
{
	account.kind = "smarthost";
	account.name = "isp";
	answer->loop = ev_default_loop(EVFLAG_AUTO);
	remote_secret_ask(secret, answer->loop,
			  &(struct remote_secret_request){ .account = &account,
							   .control_fd = control_fd,
							   .handler = on_secret,
							   .ctx = answer });
}

static void secret(void **state)
{
	size_t i = (uintptr_t)*state;
	struct remote_secret secret = { .loop = NULL };
	struct answer answer = { .count = 0 };

	ask(&secret, &answer, rows[i].account);
	/* Never from within the question. */
	assert_int_equal(answer.count, 0);
	ev_run(answer.loop, 0);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.has_secret, rows[i].secret != NULL);
	if (rows[i].secret)
		assert_string_equal(answer.secret, rows[i].secret);
	assert_int_equal(err_exit_code(&answer.err), rows[i].exit_code);
	if (rows[i].why)
		assert_memory_equal(answer.err.text, rows[i].why, strlen(rows[i].why));
	remote_secret_stop(&secret);
}

static void nobody_is_told_after_a_stop(void **state)
{
	static const struct remote_account accounts[] = {
		{ .user = "ann", .passwordfile = "password" },
		{ .user = "ann", .tokencommand = "exec tail -f /dev/null" },
	};
	struct remote_secret secret = { .loop = NULL };
	struct answer answer = { .count = 0 };

	(void)state;
	remote_secret_stop(&secret); /* nothing was asked for */
	for (size_t i = 0; i < LENGTH(accounts); i++) {
		ask(&secret, &answer, accounts[i]);
		remote_secret_stop(&secret);
		/* Returns, because nothing is watched any more. */
		ev_run(answer.loop, 0);
		assert_int_equal(answer.count, 0);
	}
}

static int make_control(void **state)
{
	struct err err;

	(void)state;
	control_fd = test_folder_make(folder);
	return file_replace(control_fd, "password", "open sesame\n", 12, 0600, &err) &&
			       file_replace(control_fd, "token", "ya29.token\n", 11, 0600,
					    &err)
		       ? 0
		       : -1;
}

static int remove_control(void **state)
{
	(void)state;
	close(control_fd);
	return test_folder_remove(folder);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		cmocka_unit_test(nobody_is_told_after_a_stop),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i + 1] = (struct CMUnitTest){ .name = rows[i].title,
						    .test_func = secret,
						    .initial_state = (void *)i };
	return cmocka_run_group_tests_name("remote secrets", tests, make_control,
					   remove_control);
}
