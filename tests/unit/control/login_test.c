#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sysexits.h>

#include <cmocka.h>

#include "control/login.h"
#include "control/pickup.h"
#include "control/smarthost.h"
#include "titles.h"

static const struct {
	const char *title;
	const char *text;
	const char *why; /* NULL: fine */
} files[] = {
	{ "microsoft is known", "provider microsoft\nclientid x\n", NULL },
	{ "another has its URLs",
	  "clientid x\ndeviceurl https://a/d\ntokenurl https://a/t\n", NULL },
	{ "no name of this program", "provider microsoft\n", "no clientid" },
	{ "another without URLs", "clientid x\n", "no deviceurl" },
	{ "a URL in the clear",
	  "clientid x\ndeviceurl https://a/d\ntokenurl http://a/t\n",
	  "tokenurl: write a URL that begins with https://" },
	{ "a URL with a blank", "provider microsoft\nclientid x\ntokenurl https://a b\n",
	  "tokenurl" },
	{ "a provider that is not known", "provider gogle\nclientid x\n", "provider" },
	{ "a key that is not known", "clientid x\npassword y\n", "password" },
};

static void check_file(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct err err = { 0 };
	struct login login;
	bool loaded;

	folder_write("logins/isp", files[row].text);
	loaded = login_load(folder_fd, "isp", &login, &err);
	if (loaded)
		login_clear(&login);
	assert_int_equal(files[row].why == NULL, loaded);
	if (!files[row].why)
		return;
	assert_int_equal(EX_CONFIG, err.exit_code);
	if (!strstr(err.text, files[row].why) || !strstr(err.text, "control/logins/isp"))
		fail_msg("%s", err.text);
}

static void a_line_goes_before_what_is_known_of_a_provider(void **state)
{
	struct err err = { 0 };
	struct login login;

	(void)state;
	folder_write("logins/isp", "provider microsoft\nclientid x\nscope mail\n"
				   "lifetime 7d\n");
	assert_true(login_load(folder_fd, "isp", &login, &err));
	assert_string_equal("mail", login.scope);
	assert_int_equal(7 * 86400, login.lifetime);
	assert_non_null(strstr(login.tokenurl, "login.microsoftonline.com"));
	login_clear(&login);
}

static void a_login_that_is_not_there_is_named(void **state)
{
	struct err err = { 0 };
	struct login login;

	(void)state;
	assert_false(login_load(folder_fd, "nowhere", &login, &err));
	assert_int_equal(EX_NOINPUT, err.exit_code);
	assert_false(login_load(folder_fd, "../secrets", &login, &err));
	assert_int_equal(EX_NOINPUT, err.exit_code);
}

static void smarthosts_and_pickups_run_what_makes_its_tokens(void **state)
{
	struct settings settings = { 0 };
	struct smarthost smarthost;
	struct pickup pickup;
	struct err err = { 0 };

	(void)state;
	folder_write("smarthosts/isp", "host h\nuser ann\nlogin work\n");
	folder_write("pickups/isp", "host h\nuser ann\nlogin work\nto ann\n");
	assert_true(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_non_null(strstr(smarthost.tokencommand, "lontar' token work"));
	assert_true(pickup_load(folder_fd, "isp", &pickup, &err));
	assert_string_equal(smarthost.tokencommand, pickup.tokencommand);
	smarthost_clear(&smarthost);
	pickup_clear(&pickup);
}

static void a_login_stands_alone(void **state)
{
	struct settings settings = { 0 };
	struct smarthost smarthost;
	struct err err = { 0 };

	(void)state;
	folder_write("smarthosts/isp", "host h\nuser ann\nlogin work\npasswordfile p\n");
	assert_false(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_non_null(strstr(err.text, "login and another secret"));
	folder_write("smarthosts/isp", "host h\nuser ann\nlogin ../work\n");
	assert_false(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_int_equal(EX_CONFIG, err.exit_code);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH(files); i++)
		add(files[i].title, check_file, i);
	add("a line goes before what is known of a provider",
	    a_line_goes_before_what_is_known_of_a_provider, 0);
	add("a login that is not there is named", a_login_that_is_not_there_is_named, 0);
	add("smarthosts and pickups run what makes its tokens",
	    smarthosts_and_pickups_run_what_makes_its_tokens, 0);
	add("a login stands alone", a_login_stands_alone, 0);
	return _cmocka_run_group_tests("login", tests, count, folder_make, folder_remove);
}
