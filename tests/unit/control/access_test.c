#include <spawn.h>
#include <sys/wait.h>
#include <sysexits.h>

#include "control/access.h"
#include "control/map.h"
#include "control/network.h"
#include "control/rules.h"
#include "titles.h"

static const char office[] = "# the office\n"
			     "\n"
			     "no colon here\n"
			     "127.:allow,RELAYCLIENT=\"\"\n"
			     "10.2-3.:deny\n"
			     "10.2.0.7:allow,DATABYTES=\"1000\"  \n"
			     "192.168.5.10-12:allow,RELAYCLIENT=/@fixme/,NOTE=\"a,b:c\"\n"
			     "172.16.:allow,DATABYTES=\"many\"\n";
static const char six[] = "0:0:0:0:0:0:0:1:allow,RELAYCLIENT=\"\"\n"
			  "fe80:::deny\n"
			  "2001:DB8:1::allow,RELAYCLIENT=\"\"\n"
			  "2001:db8::5:deny\n"
			  "fc00-fdff::allow,RELAYCLIENT=\"@lan\"\n";
static const char rest[] = ":allow\n";

static const struct {
	const char *title;
	const char *ip;
	bool allowed, may_relay;
	const char *suffix;
	int64_t databytes; /* -1: not set */
} rows[] = {
	{ "a beginning of the address decides", "127.0.0.1", true, true, "", -1 },
	{ "a range of beginnings is each of them", "10.3.1.1", false, false, "", -1 },
	{ "and none beside them", "10.4.1.1", true, false, "", -1 },
	{ "the whole address goes before a beginning", "10.2.0.7", true, false, "",
	  1000 },
	{ "a range of addresses is each of them", "192.168.5.11", true, true, "@fixme",
	  -1 },
	{ "up to its end", "192.168.5.13", true, false, "", -1 },
	{ "a beginning ends at a dot", "127.5.5.5", true, true, "", -1 },
	{ "databytes that are no number are none", "172.16.0.1", true, false, "", -1 },
	{ "the empty rule is for everybody else", "203.0.113.9", true, false, "", -1 },
	{ "IPv4 mapped into IPv6 is IPv4", "::ffff:10.2.1.1", false, false, "", -1 },
	{ "an IPv6 address has one spelling", "::1", true, true, "", -1 },
	{ "an interface's name behind it does not matter", "fe80::1%eth0", false, false,
	  "", -1 },
	{ "a beginning of an IPv6 address ends at a colon", "2001:db8:1::7", true, true,
	  "", -1 },
	{ "and takes no other", "2001:db8:2::7", true, false, "", -1 },
	{ "a whole IPv6 address decides", "2001:DB8:0::5", false, false, "", -1 },
	{ "a range of IPv6 is hexadecimal", "fd12::1", true, true, "@lan", -1 },
	{ "what is no address is everybody", "unknown", true, false, "", -1 },
};

static void compile(const char *text)
{
	struct err err = { 0 };

	folder_write("tcp.smtp", text);
	if (!access_rebuild(folder_fd, &err))
		fail_msg("%s", err.text);
}

static int make(void **state)
{
	char text[2000];

	folder_make(state);
	snprintf(text, sizeof(text), "%s%s%s", office, six, rest);
	compile(text);
	return 0;
}

static void find(size_t i)
{
	struct access access;
	struct err err = { 0 };

	assert_true(access_find(folder_fd, rows[i].ip, &access, &err));
	assert_int_equal(access.allowed, rows[i].allowed);
	assert_int_equal(access.may_relay, rows[i].may_relay);
	assert_string_equal(access.relay_suffix, rows[i].suffix);
	assert_int_equal(access.has_databytes, rows[i].databytes >= 0);
	if (access.has_databytes)
		assert_int_equal(access.databytes, rows[i].databytes);
}

static void one_rule(void **state)
{
	find((uintptr_t)*state);
}

static void the_rule_that_decided_is_told(void **state)
{
	struct access access;
	struct err err = { 0 };

	(void)state;
	assert_true(access_find(folder_fd, "192.168.5.10", &access, &err));
	assert_string_equal(access.rule,
			    "192.168.5.10:allow,RELAYCLIENT=\"@fixme\",NOTE=\"a,b:c\"");
}

static const struct {
	const char *title;
	const char *line;
	const char *fault;
} wrongs[] = {
	{ "a word that is neither allow nor deny", "1.2.3.4:perhaps",
	  "after the address comes :allow or :deny" },
	{ "an instruction run together", "1.2.3.4:allowed",
	  "after allow or deny comes ,VARIABLE=\"value\"" },
	{ "a blank before the instruction", "1.2.3.4: allow",
	  "after the address comes :allow or :deny" },
	{ "a value without its last quote", "1.2.3.4:allow,X=\"y",
	  "a value has no closing quote" },
	{ "a variable without a value", "1.2.3.4:allow,X",
	  "after allow or deny comes ,VARIABLE=\"value\"" },
	{ "a range of letters", "a-b:allow",
	  "this range has no numbers; write it as 10.2-3. or fc00-fdff:" },
	{ "a line from Windows", "1.2.3.4:allow\r",
	  "after allow or deny comes ,VARIABLE=\"value\"" },
};

static void a_wrong_line_keeps_the_old_map(void **state)
{
	size_t i = (uintptr_t)*state;
	char text[200], fault[300];
	char *before = folder_read("tcp.smtp");
	struct err err = { 0 };

	snprintf(text, sizeof(text), ":deny\n%s\n", wrongs[i].line);
	folder_write("tcp.smtp", text);
	assert_false(access_rebuild(folder_fd, &err));
	snprintf(fault, sizeof(fault), "control/tcp.smtp:2: %s", wrongs[i].fault);
	assert_string_equal(err.text, fault);
	assert_int_equal(err_exit_code(&err), EX_CONFIG);
	find(0);
	assert_true(map_is_stale(folder_fd, "tcp.smtp", "tcp.smtp.cdb"));
	compile(before);
	assert_false(map_is_stale(folder_fd, "tcp.smtp", "tcp.smtp.cdb"));
	free(before);
}

static bool run(const char *program, char *const *words, const char *in)
{
	posix_spawn_file_actions_t actions;
	char *no_environment[] = { NULL };
	int status = -1;
	pid_t pid;
	bool ran;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, in, O_RDONLY, 0);
	ran = posix_spawn(&pid, program, &actions, NULL, words, no_environment) == 0;
	posix_spawn_file_actions_destroy(&actions);
	return ran && waitpid(pid, &status, 0) == pid && status == 0;
}

static void a_map_of_the_real_tcprules_is_read(void **state)
{
	char cdb[100], draft[100], source[100];
	char name[] = "tcprules";
	char *const words[] = { name, cdb, draft, NULL };
	char text[2000], *ours, *before = folder_read("tcp.smtp");

	(void)state;
	if (access("/usr/bin/tcprules", X_OK) != 0) {
		free(before);
		skip();
	}
	snprintf(cdb, sizeof(cdb), "%s/tcp.smtp.cdb", folder_path);
	snprintf(draft, sizeof(draft), "%s/tcp.smtp.tmp", folder_path);
	snprintf(source, sizeof(source), "%s/tcp.smtp", folder_path);
	snprintf(text, sizeof(text), "%s%s", office, rest);
	folder_write("tcp.smtp", text);
	assert_true(run("/usr/bin/tcprules", words, source));
	for (size_t i = 0; i < 10; i++)
		find(i);
	assert_false(map_is_stale(folder_fd, "tcp.smtp", "tcp.smtp.cdb"));
	ours = folder_read("tcp.smtp");
	assert_string_equal(ours, text);
	free(ours);
	compile(before);
	free(before);
}

static void rules_that_were_never_compiled_are_temporary(void **state)
{
	struct access access;
	struct err err = { 0 };

	(void)state;
	folder_drop("tcp.smtp.cdb");
	assert_false(access_find(folder_fd, "127.0.0.1", &access, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_non_null(strstr(err.text, "lontar rebuild"));
	folder_write("tcp.smtp.cdb", "broken");
	assert_false(access_find(folder_fd, "127.0.0.1", &access, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_non_null(strstr(err.text, "lontar rebuild"));
	folder_drop("tcp.smtp.cdb");
}

static void without_rules_only_the_lan_may_relay(void **state)
{
	static const char *const lan[] = { "127.0.0.1",   "::1",
					   "10.255.0.1",  "172.31.9.9",
					   "192.168.0.1", "fd00::1",
					   "fe80::1%lan", "::ffff:10.0.0.1" };
	static const char *const outside[] = { "172.32.0.1",  "11.0.0.1", "192.169.0.1",
					       "2001:db8::1", "unknown",  "" };
	struct access access;
	struct err err = { 0 };

	(void)state;
	folder_drop("tcp.smtp");
	for (size_t i = 0; i < LENGTH(lan); i++) {
		assert_true(access_find(folder_fd, lan[i], &access, &err));
		assert_true(access.allowed && access.may_relay);
	}
	for (size_t i = 0; i < LENGTH(outside); i++) {
		assert_true(access_find(folder_fd, outside[i], &access, &err));
		assert_true(access.allowed && !access.may_relay);
	}
}

static void plain_logins_come_from_loopback_and_plainnets(void **state)
{
	struct settings settings = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(settings_list_parse(&settings.plainnets, "plainnets",
					span_of("192.168.0.0/16\nnonsense\nfd00::/8\n"),
					&err));
	assert_true(access_plain_login(&settings, "127.0.0.1"));
	assert_true(access_plain_login(&settings, "::1"));
	assert_true(access_plain_login(&settings, "192.168.9.9"));
	assert_true(access_plain_login(&settings, "::ffff:192.168.9.9"));
	assert_true(access_plain_login(&settings, "fd12::1"));
	assert_false(access_plain_login(&settings, "10.0.0.1"));
	assert_false(access_plain_login(&settings, "fe80::1"));
	assert_false(access_plain_login(&settings, "unknown"));
	settings_list_clear(&settings.plainnets);
}

static const struct {
	const char *title;
	const char *network, *inside, *outside; /* inside NULL: no network */
} networks[] = {
	{ "a network of IPv4", "10.0.0.0/8", "10.9.9.9", "11.0.0.0" },
	{ "all of IPv4", "0.0.0.0/0", "255.1.1.1", "2001:db8::1" },
	{ "all of IPv6 has no IPv4 in it", "::/0", "2001:db8::1", "10.0.0.1" },
	{ "one address", "192.0.2.1", "192.0.2.1", "192.0.2.2" },
	{ "a network of IPv6", "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
	{ "bits behind the length", "10.0.0.1/8", NULL, NULL },
	{ "a length too large", "10.0.0.0/33", NULL, NULL },
	{ "no length behind the slash", "10.0.0.0/", NULL, NULL },
	{ "a short address", "10.0/8", NULL, NULL },
	{ "a name", "lan", NULL, NULL },
	{ "nothing", "", NULL, NULL },
};

static void network(void **state)
{
	size_t i = (uintptr_t)*state;
	struct network parsed, address;

	assert_int_equal(network_parse(span_of(networks[i].network), &parsed),
			 networks[i].inside != NULL);
	if (!networks[i].inside)
		return;
	assert_true(network_parse(span_of(networks[i].inside), &address));
	assert_true(network_has(&parsed, &address));
	assert_true(network_parse(span_of(networks[i].outside), &address));
	assert_false(network_has(&parsed, &address));
}

static void a_filter_is_a_whole_path_or_none(void **state)
{
	struct access access;
	struct err err = { 0 };

	(void)state;
	compile("10.:allow,QMAILQUEUE=\"/a/filter\"\n127.:allow,QMAILQUEUE=\"\"\n"
		"172.:allow,QMAILQUEUE=\"filter\"\n:allow\n");
	assert_true(access_find(folder_fd, "10.0.0.1", &access, &err));
	assert_true(access.has_filter);
	assert_string_equal(access.filter, "/a/filter");
	assert_true(access_find(folder_fd, "127.0.0.1", &access, &err));
	assert_true(access.has_filter);
	assert_string_equal(access.filter, "");
	assert_true(access_find(folder_fd, "192.0.2.1", &access, &err));
	assert_false(access.has_filter);
	assert_false(access_find(folder_fd, "172.16.0.1", &access, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH(rows); i++)
		add(rows[i].title, one_rule, i);
	for (size_t i = 0; i < LENGTH(wrongs); i++)
		add(wrongs[i].title, a_wrong_line_keeps_the_old_map, i);
	for (size_t i = 0; i < LENGTH(networks); i++)
		add(networks[i].title, network, i);
	add("the rule that decided is told", the_rule_that_decided_is_told, 0);
	add("a map of the real tcprules is read", a_map_of_the_real_tcprules_is_read, 0);
	add("rules that were never compiled are temporary",
	    rules_that_were_never_compiled_are_temporary, 0);
	add("without rules only the LAN may relay", without_rules_only_the_lan_may_relay,
	    0);
	add("plain logins come from loopback and plainnets",
	    plain_logins_come_from_loopback_and_plainnets, 0);
	add("a filter is a whole path or none", a_filter_is_a_whole_path_or_none, 0);
	return _cmocka_run_group_tests("access", tests, count, make, folder_remove);
}
