#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "control/accounts.h"
#include "deliver/route.h"

static char folder[TEST_FOLDER_MAX];
static int control_fd = -1;

/* The office: three users, aliases, a virtual domain, two smarthosts. */
static const struct {
	const char *name;
	const char *text;
} settings_files[] = {
	{ "me", "gw.clinic.example\n" },
	{ "locals", "clinic.example\ngw.clinic.example\n" },
	{ "rcpthosts", "clinic.example\n.friends.example\n" },
	{ "virtualdomains", "shop.example:ann\n" },
	{ "smtproutes", "sea.example:sat\n:isp\n" },
	{ "senderroutes", "boss@clinic.example:sat\n" },
	{ "badmailfrom", "spam@evil.example\n@evil.test\n" },
	{ "smarthosts/isp", "host mail.isp.example\n" },
	{ "smarthosts/sat", "host mail.sat.example\n" },
	{ "alias/.qmail-postmaster", "&ann\n" },
	{ "alias/.qmail-sales",
	  "# all of us\n&ann@clinic.example\nbob\nbob@clinic.example\n"
	  "&far@abroad.example\n" },
	{ "alias/.qmail-ring", "&gnir\n" },
	{ "alias/.qmail-gnir", "&ring\n" },
	{ "alias/.qmail-program", "|/bin/true\n" },
	{ "alias/.qmail-wrong", "&not an address\n" },
	{ "alias/.qmail-empty", "" },
	{ "alias/.qmail-nothing", "# away with it\n" },
	{ "alias/.qmail-crew", "&ann\n" },
	{ "alias/.qmail-crew-owner", "&bob\n" },
	{ "alias/.qmail-list-default", "&bob\n" },
	{ "alias/.qmail-first:last", "&bob\n" },
};

static int make_control(void **state)
{
	struct err err;

	(void)state;
	control_fd = test_folder_make(folder);
	assert_int_equal(mkdirat(control_fd, "smarthosts", 0700), 0);
	assert_int_equal(mkdirat(control_fd, "alias", 0700), 0);
	for (size_t i = 0; i < LENGTH(settings_files); i++)
		assert_true(file_replace(control_fd, settings_files[i].name,
					 settings_files[i].text,
					 strlen(settings_files[i].text), 0600, &err));
	assert_true(account_add(control_fd, "ann", "secret", &err));
	assert_true(account_add(control_fd, "bob", "secret", &err));
	return 0;
}

static int remove_control(void **state)
{
	(void)state;
	close(control_fd);
	return test_folder_remove(folder);
}

#define OUTSIDER "x@any.example"

static const struct {
	const char *title;
	const char *sender, *recipient;
	bool may_relay;
	const char
		*where; /* "user ", "smarthost! " in order; or the status of a refusal */
} rows[] = {
	{ "a colleague's mail goes to the mailbox", OUTSIDER, "ann@clinic.example", false,
	  "ann " },
	{ "names are found whatever their case", OUTSIDER, "Ann@CLINIC.example", false,
	  "ann " },
	{ "an unknown user is refused at once", OUTSIDER, "nobody@clinic.example", false,
	  "5.1.1" },
	{ "a bare postmaster is always there", OUTSIDER, "postmaster", false, "ann " },
	{ "an alias leads to each of its addresses, a mailbox once or not", OUTSIDER,
	  "sales@clinic.example", false, "ann bob bob isp! " },
	{ "aliases in a circle are refused", OUTSIDER, "ring@clinic.example", false,
	  "5.4.6" },
	{ "an alias that runs a program is run from parked/local", OUTSIDER,
	  "program@clinic.example", false, "local! " },
	{ "an alias line that makes no sense keeps the mail out, for now", OUTSIDER,
	  "wrong@clinic.example", false, "4.3.5" },
	{ "so does an empty alias", OUTSIDER, "empty@clinic.example", false, "4.3.5" },
	{ "one of comments only throws its mail away, at its own time", OUTSIDER,
	  "nothing@clinic.example", false, "local! " },
	{ "a list with an owner is run from parked/local", OUTSIDER,
	  "crew@clinic.example", false, "local! " },
	{ "a default alias takes every extension", OUTSIDER, "list-owner@clinic.example",
	  false, "bob " },
	{ "a dot in a name is a colon in the alias's file", OUTSIDER,
	  "first.last@clinic.example", false, "bob " },
	{ "a slash in a name finds no file", OUTSIDER, "../me@clinic.example", false,
	  "5.1.1" },
	{ "a virtual domain's mail goes to its user", OUTSIDER, "orders@shop.example",
	  false, "ann " },
	{ "a stranger cannot relay", OUTSIDER, "far@abroad.example", false, "5.7.1" },
	{ "a domain of rcpthosts is taken from strangers and passed on", OUTSIDER,
	  "x@old.friends.example", false, "isp! " },
	{ "who may relay mails the world", "ann@clinic.example", "far@abroad.example",
	  true, "isp! " },
	{ "a domain may have a smarthost of its own", "ann@clinic.example",
	  "x@sea.example", true, "sat! " },
	{ "a sender may have a smarthost of his own", "boss@clinic.example",
	  "far@abroad.example", true, "sat! " },
	{ "an unwelcome sender is refused", "spam@evil.example", "ann@clinic.example",
	  false, "5.7.1" },
	{ "so is every sender of an unwelcome domain", "any@EVIL.test",
	  "ann@clinic.example", false, "5.7.1" },
};

static void it_goes_there(void **state)
{
	size_t i = (uintptr_t)*state;
	struct route_request request = { .sender = rows[i].sender,
					 .recipient = rows[i].recipient,
					 .may_relay = rows[i].may_relay };
	AUTO_BUF where = BUF_INIT(4096);
	struct destinations found = { 0 };
	struct router router;
	struct err err = { 0 };

	assert_true(router_open(&router, control_fd, &err));
	if (route_recipient(&router, &request, &found, &err)) {
		for (size_t j = 0; j < found.count; j++)
			assert_true(buf_appendf(
				&where, "%s%s ", found.items[j].name,
				found.items[j].kind == DELIVERY_PARKED ? "!" : ""));
		assert_string_equal(where.data, rows[i].where);
	} else {
		assert_string_equal(err.status, rows[i].where);
		assert_int_equal(err.kind,
				 rows[i].where[0] == '5' ? ERR_PERMANENT : ERR_TEMPORARY);
		assert_int_equal(found.count, 0);
	}
	destinations_clear(&found);
	router_clear(&router);
}

static void without_a_route_the_mail_is_to_come_again(void **state)
{
	struct route_request request = { .sender = "ann@clinic.example",
					 .recipient = "far@abroad.example",
					 .may_relay = true };
	struct destinations found = { 0 };
	struct router router;
	struct err err = { 0 };

	(void)state;
	assert_int_equal(unlinkat(control_fd, "smtproutes", 0), 0);
	assert_true(router_open(&router, control_fd, &err));
	assert_false(route_recipient(&router, &request, &found, &err));
	assert_string_equal(err.status, "4.4.4");
	router_clear(&router);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		[LENGTH(rows)] =
			cmocka_unit_test(without_a_route_the_mail_is_to_come_again),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_goes_there,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("routes", tests, make_control, remove_control);
}
