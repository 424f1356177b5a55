#include <sysexits.h>

#include "control/linkfile.h"
#include "control/pickup.h"
#include "control/root.h"
#include "control/routes.h"
#include "control/smarthost.h"
#include "titles.h"

static struct settings settings;

static int make(void **state)
{
	struct err err = { 0 };

	folder_make(state);
	folder_write("me", "gw.office.example\n");
	folder_write("smtproutes", ":direct.example:26\n");
	assert_true(settings_load(folder_fd, &settings, &err));
	return 0;
}

static int clear(void **state)
{
	settings_clear(&settings);
	return folder_remove(state);
}

static const struct {
	const char *title;
	const char *text;
	enum smarthost_tls tls;
	unsigned port;
	const char *host, *user;
} fine[] = {
	{ "a host is all it needs", "host mail.example\n", SMARTHOST_TLS_TRY, 25,
	  "mail.example", NULL },
	{ "\"=\" may stand between, with blanks or none",
	  "host=Mail.Example\nport = 2525\n", SMARTHOST_TLS_TRY, 2525, "mail.example",
	  NULL },
	{ "who logs in starts TLS", "host h\nport 587\nuser ann\npasswordfile p\n",
	  SMARTHOST_TLS_STARTTLS, 587, "h", "ann" },
	{ "port 465 is TLS from the first byte", "host h\nport 465\n",
	  SMARTHOST_TLS_IMPLICIT, 465, "h", NULL },
	{ "TLS from the first byte is port 465", "host h\ntls implicit\n",
	  SMARTHOST_TLS_IMPLICIT, 465, "h", NULL },
	{ "keys and words have no case", "HOST h\nTLS None\n", SMARTHOST_TLS_NONE, 25,
	  "h", NULL },
	{ "comments, empty lines and Windows' line ends do no harm",
	  "# ours\r\n\r\n  host h\r\n", SMARTHOST_TLS_TRY, 25, "h", NULL },
	{ "values may hold blanks and \"=\"",
	  "host h\nuser ann lee=x\ntokencommand a b=c\n", SMARTHOST_TLS_STARTTLS, 25, "h",
	  "ann lee=x" },
	{ "an IPv6 address needs no brackets", "host 2001:db8::1\n", SMARTHOST_TLS_TRY,
	  25, "2001:db8::1", NULL },
	{ "and may have them", "host [2001:db8::1]\n", SMARTHOST_TLS_TRY, 25,
	  "2001:db8::1", NULL },
	{ "MX lookups need no host", "type mx\n", SMARTHOST_TLS_TRY, 25, NULL, NULL },
	{ "QMTP has a port of its own, and no STARTTLS", "type qmtp\nhost h\n",
	  SMARTHOST_TLS_NONE, 209, "h", NULL },
	{ "QMTP may be within TLS", "type qmtp\nhost h\ntls implicit\nport 6209\n",
	  SMARTHOST_TLS_IMPLICIT, 6209, "h", NULL },
};

static void a_smarthost(void **state)
{
	size_t i = (uintptr_t)*state;
	struct smarthost smarthost;
	struct err err = { 0 };

	folder_write("smarthosts/isp", fine[i].text);
	if (!smarthost_load(folder_fd, &settings, "isp", &smarthost, &err))
		fail_msg("%s", err.text);
	assert_string_equal(smarthost.name, "isp");
	assert_int_equal(smarthost.tls, fine[i].tls);
	assert_int_equal(smarthost.port, fine[i].port);
	if (fine[i].host)
		assert_string_equal(smarthost.host, fine[i].host);
	else
		assert_null(smarthost.host);
	if (fine[i].user)
		assert_string_equal(smarthost.user, fine[i].user);
	else
		assert_null(smarthost.user);
	smarthost_clear(&smarthost);
}

static void what_is_set_of_a_server_is_read(void **state)
{
	struct smarthost smarthost;
	struct err err = { 0 };

	(void)state;
	folder_write("smarthosts/isp", "host h\nrate 100 per hour\nperconnection 10\n"
				       "recipients 50\nchunking no\npipelining yes\n"
				       "nullsender office@isp.example\ntlslevel named\n");
	assert_true(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_int_equal(smarthost.rate_count, 100);
	assert_int_equal(smarthost.rate_s, 3600);
	assert_int_equal(smarthost.perconnection, 10);
	assert_int_equal(smarthost.recipients, 50);
	assert_int_equal(smarthost.chunking, SMARTHOST_NO);
	assert_int_equal(smarthost.pipelining, SMARTHOST_YES);
	assert_string_equal(smarthost.nullsender, "office@isp.example");
	assert_int_equal(smarthost.tlslevel, SMARTHOST_LEVEL_NAMED);
	smarthost_clear(&smarthost);
	folder_write("smarthosts/isp", "host h\nrate 5 day\n");
	assert_true(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_int_equal(smarthost.rate_s, 86400);
	assert_int_equal(smarthost.chunking, SMARTHOST_AUTOMATIC);
	smarthost_clear(&smarthost);
}

static void a_rate_that_makes_no_sense_is_told_with_the_mend(void **state)
{
	static const char *const rates[] = { "100",        "per hour",   "0 per day",
					     "5 per week", "x per hour", "-1 per hour" };
	struct smarthost smarthost;

	(void)state;
	for (size_t i = 0; i < LENGTH(rates); i++) {
		char text[80];
		struct err err = { 0 };

		snprintf(text, sizeof(text), "host h\nrate %s\n", rates[i]);
		folder_write("smarthosts/isp", text);
		assert_false(
			smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
		assert_non_null(strstr(err.text, "100 per hour"));
	}
}

static void mail_is_converted_unless_a_switch_says_no(void **state)
{
	struct smarthost smarthost;
	struct err err = { 0 };

	(void)state;
	folder_write("smarthosts/isp", "host h\n");
	assert_true(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_int_equal(smarthost.convert8bit, SMARTHOST_ON);
	assert_int_equal(smarthost.breaklines, SMARTHOST_ON);
	smarthost_clear(&smarthost);
	folder_write("smarthosts/isp", "host h\nconvert8bit no\nbreaklines no\n");
	assert_true(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_int_equal(smarthost.convert8bit, SMARTHOST_OFF);
	assert_int_equal(smarthost.breaklines, SMARTHOST_OFF);
	smarthost_clear(&smarthost);
}

static const struct {
	const char *title;
	const char *text;
	const char *fault;
} wrong[] = {
	{ "an unknown key, with those that are known", "host h\ntsl none\n",
	  "control/smarthosts/isp:2: unknown key \"tsl\"; known are: host port tls user "
	  "passwordfile auth tokenfile tokencommand cafile type helo indoubt maxsize "
	  "fallback fallbackafter login rate perconnection recipients chunking pipelining "
	  "nullsender tlslevel convert8bit breaklines" },
	{ "a switch is yes or no", "host h\nbreaklines off\n",
	  "control/smarthosts/isp:2: breaklines may not be \"off\"; write one of: yes no" },
	{ "an unknown word, with those that are known", "host h\ntls yes\n",
	  "control/smarthosts/isp:2: tls may not be \"yes\"; write one of: none try "
	  "starttls implicit" },
	{ "a key without a value", "host\n",
	  "control/smarthosts/isp:1: host has no value; write one, or take the line "
	  "out" },
	{ "a key with an \"=\" and no value", "host=\n",
	  "control/smarthosts/isp:1: host has no value; write one, or take the line "
	  "out" },
	{ "a key given twice", "host h\nhost i\n",
	  "control/smarthosts/isp:2: host stands here a second time; keep one" },
	{ "a port that is none", "host h\nport 0\n",
	  "control/smarthosts/isp:2: port is no number from 1 to 65535" },
	{ "a size that is none", "host h\nmaxsize big\n",
	  "control/smarthosts/isp:2: maxsize is no size; write bytes, as 25000000 or "
	  "25m" },
	{ "STARTTLS in QMTP", "type qmtp\nhost h\ntls starttls\n",
	  "control/smarthosts/isp: type qmtp has no STARTTLS; write tls none or "
	  "implicit" },
	{ "a login in QMTP", "type qmtp\nhost h\nuser a\npasswordfile p\n",
	  "control/smarthosts/isp: type qmtp has no login; remove user and its secret" },
	{ "a host where DNS is asked for it", "type mx\nhost h\n",
	  "control/smarthosts/isp: type mx finds its hosts by itself; remove host" },
	{ "a login at everybody's hosts", "type mx\nuser a\npasswordfile p\n",
	  "control/smarthosts/isp: type mx has no login; remove user and its secret" },
	{ "no host", "# nothing\n",
	  "control/smarthosts/isp: no host is set; add a line \"host ...\"" },
	{ "a port behind the host", "host h:25\n",
	  "control/smarthosts/isp: host has a port; write a line \"port 25\" for it" },
	{ "a user without a secret", "host h\nuser ann\n",
	  "control/smarthosts/isp: user without a secret; add passwordfile, login, "
	  "tokenfile or tokencommand" },
	{ "a secret without a user", "host h\npasswordfile p\n",
	  "control/smarthosts/isp: a secret without a user; add a line \"user ...\"" },
	{ "an unknown mechanism", "host h\nauth digest-md5\n",
	  "control/smarthosts/isp: auth may not be \"digest-md5\"; write one of: plain "
	  "login cram-md5 xoauth2" },
};

static void a_wrong_smarthost(void **state)
{
	size_t i = (uintptr_t)*state;
	struct smarthost smarthost;
	struct err err = { 0 };

	folder_write("smarthosts/isp", wrong[i].text);
	assert_false(smarthost_load(folder_fd, &settings, "isp", &smarthost, &err));
	assert_string_equal(err.text, wrong[i].fault);
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
}

static void a_route_s_host_needs_no_file(void **state)
{
	struct smarthost smarthost;
	struct err err = { 0 };

	(void)state;
	assert_true(smarthost_load(folder_fd, &settings, "direct.example-26", &smarthost,
				   &err));
	assert_string_equal(smarthost.host, "direct.example");
	assert_int_equal(smarthost.port, 26);
	smarthost_clear(&smarthost);
}

static void a_name_that_nobody_set_is_told_so(void **state)
{
	static const char *const names[] = { "nobody", "direct.example", "../me", "local",
					     "" };
	struct smarthost smarthost;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(names); i++) {
		assert_false(
			smarthost_load(folder_fd, &settings, names[i], &smarthost, &err));
		assert_int_equal(err_exit_code(&err), EX_NOINPUT);
	}
}

static void names_are_listed_in_order_and_only_names(void **state)
{
	struct settings_list names;
	struct err err = { 0 };

	(void)state;
	folder_write("smarthosts/b", "host h\n");
	folder_write("smarthosts/a", "host h\n");
	folder_write("smarthosts/a~", "host h\n");
	folder_write("smarthosts/.a.swp", "host h\n");
	assert_true(smarthost_names(folder_fd, "smarthosts", &names, &err));
	assert_int_equal(names.count, 3);
	assert_string_equal(names.lines[0], "a");
	assert_string_equal(names.lines[1], "b");
	assert_string_equal(names.lines[2], "isp");
	settings_list_clear(&names);
	assert_true(smarthost_names(folder_fd, "nowhere", &names, &err));
	assert_int_equal(names.count, 0);
}

/* The secret of a smarthost with this line, or NULL. Caller frees. */
static char *secret_of(const char *line, struct err *err)
{
	struct smarthost smarthost;
	char text[200], *secret;

	snprintf(text, sizeof(text), "host h\nuser ann\n%s\n", line);
	folder_write("smarthosts/isp", text);
	assert_true(smarthost_load(folder_fd, &settings, "isp", &smarthost, err));
	secret = smarthost_secret(folder_fd, &smarthost, err);
	smarthost_clear(&smarthost);
	return secret;
}

static void a_password_is_the_first_line_of_its_file(void **state)
{
	struct err err = { 0 };
	char *secret;

	(void)state;
	folder_write("secrets/isp", " pass word \r\nnot this\n");
	secret = secret_of("passwordfile secrets/isp", &err);
	assert_string_equal(secret, " pass word ");
	free(secret);
}

static void a_password_that_others_may_read_is_not_used(void **state)
{
	struct err err = { 0 };

	(void)state;
	folder_write("secrets/isp", "x\n");
	assert_int_equal(fchmodat(folder_fd, "secrets/isp", 0644, 0), 0);
	assert_null(secret_of("passwordfile secrets/isp", &err));
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
	assert_non_null(strstr(err.text, "chmod 600"));
}

static void a_password_that_is_missing_or_empty_is_told(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_null(secret_of("passwordfile secrets/none", &err));
	assert_non_null(strstr(err.text, "control/secrets/none"));
	folder_write("secrets/isp", "\nx\n");
	assert_null(secret_of("passwordfile secrets/isp", &err));
	assert_non_null(strstr(err.text, "empty"));
}

static void a_command_may_print_the_token(void **state)
{
	struct err err = { 0 };
	char *secret = secret_of("tokencommand echo tok=en; echo more", &err);

	(void)state;
	assert_string_equal(secret, "tok=en");
	free(secret);
}

static void a_command_that_fails_gives_no_token(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_null(secret_of("tokencommand echo token; exit 3", &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_null(secret_of("tokencommand true", &err));
	assert_null(secret_of("tokencommand kill -9 $$", &err));
	assert_null(secret_of("tokencommand yes", &err)); /* and never stops */
}

static void a_link_names_what_it_serves_in_order(void **state)
{
	struct linkfile link;
	struct err err = { 0 };
	bool found;

	(void)state;
	folder_write("links/ppp", "interface ppp0\nsmarthosts sat, isp\npickups=box\n"
				  "window Mon-Fri 08:00-18:00\nwindow Sat\nmaxsize 2m\n");
	assert_true(linkfile_load(folder_fd, "ppp", &link, &found, &err));
	assert_true(found);
	assert_string_equal(link.interface, "ppp0");
	assert_int_equal(link.smarthosts.count, 2);
	assert_string_equal(link.smarthosts.lines[0], "sat");
	assert_string_equal(link.smarthosts.lines[1], "isp");
	assert_int_equal(link.pickups.count, 1);
	assert_int_equal(link.window.count, 2);
	assert_string_equal(link.window.lines[0], "Mon-Fri 08:00-18:00");
	assert_int_equal(link.maxsize, 2 << 20);
	linkfile_clear(&link);
}

static void a_link_without_a_file_serves_everything(void **state)
{
	struct linkfile link;
	struct err err = { 0 };
	bool found = true;

	(void)state;
	assert_true(linkfile_load(folder_fd, "eth", &link, &found, &err));
	assert_false(found);
	assert_int_equal(link.smarthosts.count, 0);
	linkfile_clear(&link);
}

static void a_wrong_link_is_told(void **state)
{
	struct linkfile link;
	struct err err = { 0 };

	(void)state;
	folder_write("links/ppp", "interface ppp0\nsmarthosts isp ../x\n");
	assert_false(linkfile_load(folder_fd, "ppp", &link, NULL, &err));
	assert_non_null(strstr(err.text, "control/links/ppp:2: \"../x\" is no name"));
	folder_write("links/ppp", "interfase ppp0\n");
	assert_false(linkfile_load(folder_fd, "ppp", &link, NULL, &err));
	assert_non_null(strstr(err.text, "control/links/ppp:1: unknown key"));
	assert_false(linkfile_load(folder_fd, "a/b", &link, NULL, &err));
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
}

#define LOGIN "host pop.example\nuser ann\npasswordfile p\n"

static const struct {
	const char *title;
	const char *text;
	const char *fault; /* NULL: fine */
	unsigned port;
	enum pickup_keep keep;
	unsigned days;
} pickups[] = {
	{ "a pickup fetches by POP3, and deletes", LOGIN "to ann\n", NULL, 110,
	  PICKUP_KEEP_NO, 0 },
	{ "or by IMAP", LOGIN "type imap\ntls implicit\nto ann\n", NULL, 993,
	  PICKUP_KEEP_NO, 0 },
	{ "or keeps mail for days", LOGIN "port 995\nto ann\nkeep 14d\n", NULL, 995,
	  PICKUP_KEEP_DAYS, 14 },
	{ "or always", LOGIN "multidrop X-Original-To:2\nkeep always\n", NULL, 110,
	  PICKUP_KEEP_ALWAYS, 0 },
	{ "mail for nobody is told", LOGIN,
	  "control/pickups/box: who gets the mail? add a line \"to USER\", or "
	  "\"multidrop HEADER\"; one of them",
	  0, 0, 0 },
	{ "mail for two is told", LOGIN "to ann\nmultidrop X\n",
	  "control/pickups/box: who gets the mail? add a line \"to USER\", or "
	  "\"multidrop HEADER\"; one of them",
	  0, 0, 0 },
	{ "a pickup without a login is told", "host h\nto ann\n",
	  "control/pickups/box: no login; add a line \"user ...\" and one with "
	  "passwordfile, login, tokenfile or tokencommand",
	  0, 0, 0 },
	{ "days that are none are told", LOGIN "to ann\nkeep d\n",
	  "control/pickups/box: keep may not be \"d\"; write always, no, or days, as 14d",
	  0, 0, 0 },
	{ "a position that is none is told", LOGIN "multidrop X:0\n",
	  "control/pickups/box: multidrop: what follows the \":\" is a number from 1 on",
	  0, 0, 0 },
};

static void a_pickup(void **state)
{
	size_t i = (uintptr_t)*state;
	struct pickup pickup;
	struct err err = { 0 };
	bool loaded;

	folder_write("pickups/box", pickups[i].text);
	loaded = pickup_load(folder_fd, "box", &pickup, &err);
	if (pickups[i].fault) {
		assert_false(loaded);
		assert_string_equal(err.text, pickups[i].fault);
		return;
	}
	if (!loaded)
		fail_msg("%s", err.text);
	assert_int_equal(pickup.port, pickups[i].port);
	assert_int_equal(pickup.keep, pickups[i].keep);
	assert_int_equal(pickup.keep_days, pickups[i].days);
	if (pickup.multidrop) {
		assert_string_equal(pickup.multidrop, "X-Original-To");
		assert_int_equal(pickup.multidrop_position, 2);
	}
	pickup_clear(&pickup);
}

static void the_root_is_option_then_environment_then_default(void **state)
{
	(void)state;
	assert_int_equal(setenv("LONTAR_ROOT", "/srv/mail", 1), 0);
	assert_string_equal(root_path("/here"), "/here");
	assert_string_equal(root_path(NULL), "/srv/mail");
	assert_int_equal(unsetenv("LONTAR_ROOT"), 0);
	assert_string_equal(root_path(NULL), "/var/lib/lontar");
}

static void a_root_that_is_not_there_is_told_with_the_command(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(root_open("/nonexistent/lontar", &err), -1);
	assert_int_equal(err_exit_code(&err), EX_NOINPUT);
	assert_non_null(strstr(err.text, "lontar init --root /nonexistent/lontar"));
	assert_int_equal(root_control(folder_fd, &err), -1);
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH(fine); i++)
		add(fine[i].title, a_smarthost, i);
	for (size_t i = 0; i < LENGTH(wrong); i++)
		add(wrong[i].title, a_wrong_smarthost, i);
	for (size_t i = 0; i < LENGTH(pickups); i++)
		add(pickups[i].title, a_pickup, i);
	add("what is set of a server is read", what_is_set_of_a_server_is_read, 0);
	add("a rate that makes no sense is told, with the mend",
	    a_rate_that_makes_no_sense_is_told_with_the_mend, 0);
	add("mail is converted unless a switch says no",
	    mail_is_converted_unless_a_switch_says_no, 0);
	add("a route's host needs no file", a_route_s_host_needs_no_file, 0);
	add("a name that nobody set is told so", a_name_that_nobody_set_is_told_so, 0);
	add("names are listed in order, and only names",
	    names_are_listed_in_order_and_only_names, 0);
	add("a password is the first line of its file",
	    a_password_is_the_first_line_of_its_file, 0);
	add("a password that others may read is not used",
	    a_password_that_others_may_read_is_not_used, 0);
	add("a password that is missing or empty is told",
	    a_password_that_is_missing_or_empty_is_told, 0);
	add("a command may print the token", a_command_may_print_the_token, 0);
	add("a command that fails gives no token", a_command_that_fails_gives_no_token,
	    0);
	add("a link names what it serves, in order", a_link_names_what_it_serves_in_order,
	    0);
	add("a link without a file serves everything",
	    a_link_without_a_file_serves_everything, 0);
	add("a wrong link is told", a_wrong_link_is_told, 0);
	add("the root is the option, then the environment, then the default",
	    the_root_is_option_then_environment_then_default, 0);
	add("a root that is not there is told, with the command that makes one",
	    a_root_that_is_not_there_is_told_with_the_command, 0);
	return _cmocka_run_group_tests("smarthost", tests, count, make, clear);
}
