#include "office.h"

#include <pwd.h>

#include "control/assign.h"
#include "deliver/local_user.h"

static void write_home(const char *name)
{
	struct err err;

	assert_true(file_replace(office_fd, name, "./Maildir/\n", 11, 0600, &err));
}

static int make(void **state)
{
	struct err err;

	office_make(state);
	assert_int_equal(mkdirat(office_fd, "mail/ann", 0700), 0);
	assert_int_equal(mkdirat(office_control_fd, "users", 0700), 0);
	write_home("mail/ann/.qmail-shop");
	write_home("mail/ann/.qmail-list-default");
	assert_true(account_add(office_control_fd, "ann-smith", "secret", &err));
	office_write("users/assign", "=ann:other:501:20:/home/other:::\n"
				     "=joe:joe:501:20:/home/joe:::\n"
				     "+joe-:joe:501:20:/home/joe:-::\n"
				     "=chief:root:0:0:/root:::\n.\n");
	return !assign_rebuild(office_control_fd, &err);
}

static const struct {
	const char *title;
	const char *local;
	const char *who; /* "KIND name home dash ext"; NULL: cannot be told now */
} rows[] = {
	{ "an account comes first", "ann", "account ann mail/ann  " },
	{ "in any case", "Ann", "account ann mail/ann  " },
	{ "an extension that has a file is hers", "ann-Shop",
	  "account ann mail/ann - Shop" },
	{ "also by a default", "ann-list-x", "account ann mail/ann - list-x" },
	{ "one that has none may be an alias", "ann-other",
	  "alias alias control/alias - ann-other" },
	{ "the longest account", "ann-smith", "account ann-smith mail/ann-smith  " },
	{ "users/cdb exactly", "joe", "system joe /home/joe  " },
	{ "users/cdb by a prefix", "joe-X.y", "system joe /home/joe - X.y" },
	{ "root gets no mail", "chief", NULL },
	{ "anybody else is an alias", "Sales", "alias alias control/alias - Sales" },
	{ "users of the system are not, unless it is said", "nobody",
	  "alias alias control/alias - nobody" },
};

static void it_is_his(void **state)
{
	static const char *const kinds[] = { [LOCAL_ACCOUNT] = "account",
					     [LOCAL_SYSTEM] = "system",
					     [LOCAL_ALIAS] = "alias" };
	size_t i = (uintptr_t)*state;
	struct local_search search = { office_fd, office_control_fd };
	struct local_user user;
	struct err err = { 0 };
	char who[2000];

	if (!local_user_find(&search, rows[i].local, &user, &err)) {
		assert_null(rows[i].who);
		assert_int_equal(err.kind, ERR_TEMPORARY);
		return;
	}
	snprintf(who, sizeof(who), "%s %s %s %s %s", kinds[user.kind], user.name,
		 user.home, user.dash, user.ext);
	assert_non_null(rows[i].who);
	assert_string_equal(who, rows[i].who);
}

/* Whoever runs the test, unless he is root. */
static void users_of_the_system_are_found_when_it_is_said(void **state)
{
	struct local_search search = { office_fd, office_control_fd };
	const struct passwd *entry;
	struct local_user user;
	char local[80], name[40];
	struct err err;

	(void)state;
	office_write("systemusers", "yes\n");
	assert_true(local_user_find(&search, "root", &user, &err));
	assert_int_equal(user.kind, LOCAL_ALIAS);
	entry = getpwuid(geteuid());
	if (geteuid() == 0 || !entry) {
		skip();
		return;
	}
	snprintf(name, sizeof(name), "%s", entry->pw_name);
	snprintf(local, sizeof(local), "%s-Some-Ext", name);
	assert_true(local_user_find(&search, local, &user, &err));
	assert_int_equal(user.kind, LOCAL_SYSTEM);
	assert_string_equal(user.name, name);
	assert_string_equal(user.ext, "Some-Ext");
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] =
			cmocka_unit_test(users_of_the_system_are_found_when_it_is_said),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_his,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("whose a local name is", tests, make,
					   office_remove);
}
