#include <sysexits.h>
#include <time.h>

#include "control/account_password.h"
#include "control/accounts.h"
#include "control/map.h"
#include "control/stale.h"
#include "folder.h"

static enum account_found find(const char *name, char **hash_out)
{
	struct err err = { 0 };

	return account_find(folder_fd, name, hash_out, &err);
}

/* Anybody's empty folder, but for the one account "ann", password "secret". */
static int add_ann(void **state)
{
	struct err err = { 0 };

	folder_make(state);
	folder_write("accounts", "# ours\n");
	assert_true(account_add(folder_fd, "ann", "secret", &err));
	return 0;
}

static bool may_log_in(const char *name, const char *password)
{
	char *hash = NULL;
	bool right = find(name, &hash) == ACCOUNT_YES &&
		     account_password_is_right(password, hash);

	free(hash);
	return right;
}

static void a_user_who_was_added_may_log_in(void **state)
{
	(void)state;
	assert_true(may_log_in("ann", "secret"));
	assert_false(may_log_in("ann", "Secret"));
	assert_false(may_log_in("ann", ""));
	assert_false(may_log_in("bob", "secret"));
}

static void a_name_is_found_in_any_case(void **state)
{
	(void)state;
	assert_true(may_log_in("Ann", "secret"));
	assert_int_equal(find("ANN", NULL), ACCOUNT_YES);
}

static void what_is_no_name_is_no_user(void **state)
{
	char longest[ACCOUNT_NAME_MAX + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(find("", NULL), ACCOUNT_NO);
	assert_int_equal(find("../ann", NULL), ACCOUNT_NO);
	assert_int_equal(find("ann\n", NULL), ACCOUNT_NO);
	assert_int_equal(find(longest, NULL), ACCOUNT_NO);
	assert_false(account_name_is_valid(".ann"));
	assert_false(account_name_is_valid("a b"));
	assert_false(account_name_is_valid("a/b"));
	assert_false(account_name_is_valid("Ann"));
	assert_true(account_name_is_valid("ann.b-c_d+e9"));
}

static void a_user_is_added_once(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_false(account_add(folder_fd, "ann", "other", &err));
	assert_int_equal(err_exit_code(&err), ERR_EXISTS);
	assert_true(may_log_in("ann", "secret"));
}

static void a_password_is_changed_and_the_rest_stays(void **state)
{
	struct err err = { 0 };
	char *text;

	(void)state;
	assert_true(account_add(folder_fd, "bob", "b", &err));
	assert_true(account_set_password(folder_fd, "ann", "new", &err));
	assert_true(may_log_in("ann", "new"));
	assert_false(may_log_in("ann", "secret"));
	assert_true(may_log_in("bob", "b"));
	text = folder_read("accounts");
	assert_int_equal(strncmp(text, "# ours\nann:", 11), 0);
	free(text);
}

static void a_user_who_was_removed_is_unknown(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_true(account_remove(folder_fd, "ann", &err));
	assert_int_equal(find("ann", NULL), ACCOUNT_NO);
	assert_false(account_remove(folder_fd, "ann", &err));
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
	assert_false(account_set_password(folder_fd, "ann", "x", &err));
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
}

static void a_disabled_user_gets_mail_but_no_login(void **state)
{
	char hash[ACCOUNT_HASH_MAX], line[500];
	struct err err = { 0 };

	(void)state;
	assert_true(account_password_hash("secret", hash, &err));
	snprintf(line, sizeof(line), "ann:%s:d\n", hash);
	folder_write("accounts", line);
	assert_true(accounts_rebuild(folder_fd, &err));
	assert_int_equal(find("ann", NULL), ACCOUNT_YES);
	assert_false(may_log_in("ann", "secret"));
}

static void a_hash_that_is_none_lets_nobody_in(void **state)
{
	struct err err = { 0 };

	(void)state;
	folder_write("accounts", "ann:*:\nbob::\ncat:plain:\ndan\n");
	assert_true(accounts_rebuild(folder_fd, &err));
	assert_int_equal(find("dan", NULL), ACCOUNT_YES);
	assert_false(may_log_in("ann", "*"));
	assert_false(may_log_in("bob", ""));
	assert_false(may_log_in("cat", "plain"));
	assert_false(may_log_in("dan", ""));
	assert_false(account_hash_is_valid("plain"));
}

static void passwords_that_a_line_cannot_hold_are_refused(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_false(account_add(folder_fd, "bob", "", &err));
	assert_int_equal(err_exit_code(&err), EX_USAGE);
	assert_false(account_add(folder_fd, "bob", "two\nlines", &err));
	assert_false(account_add(folder_fd, "Bob", "x", &err));
	assert_int_equal(err_exit_code(&err), EX_USAGE);
	assert_int_equal(find("bob", NULL), ACCOUNT_NO);
}

static void a_wrong_line_keeps_the_old_map(void **state)
{
	struct err err = { 0 };

	(void)state;
	folder_write("accounts", "bob:x:\nnot a name:x:\n");
	assert_false(accounts_rebuild(folder_fd, &err));
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
	assert_non_null(strstr(err.text, "control/accounts:2: \"not a name\""));
	assert_int_equal(find("ann", NULL), ACCOUNT_YES);
	assert_int_equal(find("bob", NULL), ACCOUNT_NO);
	assert_true(accounts_are_stale(folder_fd));
	assert_true(account_names(folder_fd, &(struct settings_list){ 0 }, &err) ==
		    false);
}

static void an_account_file_from_before_is_stale_too(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	struct err err = { 0 };

	(void)state;
	assert_false(accounts_are_stale(folder_fd));
	folder_write("accounts", "bob:x:\n");
	assert_int_equal(utimensat(folder_fd, "accounts", times, 0), 0);
	assert_true(accounts_are_stale(folder_fd));
	assert_true(accounts_rebuild(folder_fd, &err));
	assert_false(accounts_are_stale(folder_fd));
}

static void a_copied_folder_is_not_stale(void **state)
{
	struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char *text = folder_read("accounts");

	(void)state;
	/* As cp -a or a restored backup leaves it: old times, another order. */
	assert_int_equal(utimensat(folder_fd, "accounts.cdb", times, 0), 0);
	assert_int_equal(utimensat(folder_fd, "users.cdb", times, 0), 0);
	folder_write("accounts", text);
	assert_int_equal(utimensat(folder_fd, "accounts", times, 0), 0);
	assert_false(accounts_are_stale(folder_fd));
	times[0].tv_sec = times[1].tv_sec = 1001;
	assert_int_equal(utimensat(folder_fd, "accounts", times, 0), 0);
	assert_true(accounts_are_stale(folder_fd));
	free(text);
}

static void a_stale_map_is_told_at_once_and_then_once_a_minute(void **state)
{
	const struct timespec later[2] = { { .tv_sec = INT32_MAX },
					   { .tv_sec = INT32_MAX } };
	struct stale_watch watch = { 0 };

	(void)state;
	assert_null(stale_watch(&watch, folder_fd, 1000));
	assert_int_equal(utimensat(folder_fd, "accounts", later, 0), 0);
	assert_null(stale_watch(&watch, folder_fd, 1999));
	assert_non_null(
		strstr(stale_watch(&watch, folder_fd, 2000), "run `lontar rebuild`"));
	assert_null(stale_watch(&watch, folder_fd, 61999));
	assert_non_null(stale_watch(&watch, folder_fd, 62000));
}

static void a_source_from_the_future_is_not_stale_once_compiled(void **state)
{
	const struct timespec later[2] = { { .tv_sec = INT32_MAX },
					   { .tv_sec = INT32_MAX } };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(utimensat(folder_fd, "accounts", later, 0), 0);
	assert_true(accounts_are_stale(folder_fd));
	assert_true(accounts_rebuild(folder_fd, &err));
	assert_false(accounts_are_stale(folder_fd));
}

static void a_map_that_was_never_made_is_temporary(void **state)
{
	struct err err = { 0 };

	(void)state;
	folder_drop("users.cdb");
	assert_int_equal(account_find(folder_fd, "ann", NULL, &err), ACCOUNT_UNKNOWN);
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_non_null(strstr(err.text, "lontar rebuild"));
}

static void without_accounts_there_is_nobody(void **state)
{
	struct err err = { 0 };

	(void)state;
	folder_drop("users.cdb");
	folder_drop("accounts");
	assert_int_equal(account_find(folder_fd, "ann", NULL, &err), ACCOUNT_NO);
	assert_true(accounts_rebuild(folder_fd, &err));
}

static void hashes_are_not_for_everyone(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(fstatat(folder_fd, "accounts", &st, 0), 0);
	assert_int_equal(st.st_mode & 0077, 0);
	assert_int_equal(fstatat(folder_fd, "accounts.cdb", &st, 0), 0);
	assert_int_equal(st.st_mode & 0007, 0);
	assert_int_equal(fstatat(folder_fd, "users.cdb", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static const struct map_source source = { "x", { "text", 4 } };

static void a_map_that_is_given_up_leaves_nothing(void **state)
{
	struct map_maker *maker;
	struct err err = { 0 };
	AUTO_BUF value = BUF_INIT(10);

	(void)state;
	maker = map_make(folder_fd, "x.cdb", &source, NULL, &err);
	assert_non_null(maker);
	assert_true(map_put(maker, span_of("a"), span_of("b"), &err));
	assert_true(map_finish(maker, false, &err));
	assert_int_equal(map_get(folder_fd, "x.cdb", span_of("a"), &value, &err),
			 MAP_FAILED);
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
}

static void a_map_may_hold_any_bytes(void **state)
{
	const struct span key = { "a\0b", 3 }, bytes = { "\0\n\xff", 3 };
	struct map_maker *maker;
	struct err err = { 0 };
	AUTO_BUF value = BUF_INIT(10);

	(void)state;
	maker = map_make(folder_fd, "x.cdb", &source, NULL, &err);
	assert_non_null(maker);
	assert_true(map_put(maker, key, bytes, &err));
	assert_true(map_put(maker, span_of(""), span_of(""), &err));
	assert_true(map_finish(maker, true, &err));
	assert_int_equal(map_get(folder_fd, "x.cdb", key, &value, &err), MAP_FOUND);
	assert_int_equal(value.len, 3);
	assert_memory_equal(value.data, bytes.at, 3);
	assert_int_equal(map_get(folder_fd, "x.cdb", span_of(""), &value, &err),
			 MAP_FOUND);
	assert_int_equal(map_get(folder_fd, "x.cdb", span_of("a"), &value, &err),
			 MAP_MISSING);
}

#define WITH_ANN(test) cmocka_unit_test_setup_teardown(test, add_ann, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ANN(a_user_who_was_added_may_log_in),
		WITH_ANN(a_name_is_found_in_any_case),
		WITH_ANN(what_is_no_name_is_no_user),
		WITH_ANN(a_user_is_added_once),
		WITH_ANN(a_password_is_changed_and_the_rest_stays),
		WITH_ANN(a_user_who_was_removed_is_unknown),
		WITH_ANN(a_disabled_user_gets_mail_but_no_login),
		WITH_ANN(a_hash_that_is_none_lets_nobody_in),
		WITH_ANN(passwords_that_a_line_cannot_hold_are_refused),
		WITH_ANN(a_wrong_line_keeps_the_old_map),
		WITH_ANN(an_account_file_from_before_is_stale_too),
		WITH_ANN(a_copied_folder_is_not_stale),
		WITH_ANN(a_stale_map_is_told_at_once_and_then_once_a_minute),
		WITH_ANN(a_source_from_the_future_is_not_stale_once_compiled),
		WITH_ANN(a_map_that_was_never_made_is_temporary),
		WITH_ANN(without_accounts_there_is_nobody),
		WITH_ANN(hashes_are_not_for_everyone),
		WITH_ANN(a_map_that_is_given_up_leaves_nothing),
		WITH_ANN(a_map_may_hold_any_bytes),
	};

	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
