#include <sysexits.h>

#include "control/relay.h"
#include "control/routes.h"
#include "control/smarthost.h"
#include "titles.h"

static struct settings settings;

static int make(void **state)
{
	struct err err = { 0 };

	folder_make(state);
	folder_write("me", "gw.office.example\n");
	folder_write("locals", "office.example\nGW.office.example\n");
	folder_write("rcpthosts", "office.example\nbranch.example\n.clinics.example\n");
	folder_write("virtualdomains",
		     "club.example:ann\nfree.club.example:\n"
		     "boss@club.example:bob\n.shops.example:carol\noffice.example:dora\n"
		     "no colon here\n");
	folder_write("smtproutes",
		     "far.example:mail.far.example:2525\n.lab.example:[10.1.2.3]\n"
		     "six.example:[2001:DB8::1]:26\nmx.example:\n"
		     "twice.example:first\ntwice.example:second\n"
		     "bad.example:not a host\nUpper.example:ISP\n"
		     "local.example:local\n:isp\n");
	folder_write("senderroutes",
		     "ann@office.example:sat\n@branch.example:other.example\n");
	folder_write("smarthosts/isp", "host smtp.isp.example\n");
	folder_write("smarthosts/sat", "host smtp.sat.example\n");
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
	const char *sender, *recipient;
	enum route_by by;
	unsigned port;
	const char *smarthost, *host;
} routes[] = {
	{ "what no other line takes goes to the smarthost for everything", "x@y",
	  "a@anywhere.example", ROUTE_DOMAIN, 0, "isp", "" },
	{ "a domain's own line goes first", "x@y", "a@far.example", ROUTE_DOMAIN, 2525,
	  "mail.far.example-2525", "mail.far.example" },
	{ "a domain is found without case", "x@y", "a@FAR.Example", ROUTE_DOMAIN, 2525,
	  "mail.far.example-2525", "mail.far.example" },
	{ "a suffix takes what is below it", "x@y", "a@deep.er.lab.example", ROUTE_DOMAIN,
	  0, "10.1.2.3", "10.1.2.3" },
	{ "a suffix does not take the domain itself", "x@y", "a@lab.example",
	  ROUTE_DOMAIN, 0, "isp", "" },
	{ "a line without a relay is no route: nobody asks DNS here", "x@y",
	  "a@mx.example", ROUTE_NONE, 0, "", "" },
	{ "of two lines the last counts, as in qmail", "x@y", "a@twice.example",
	  ROUTE_DOMAIN, 0, "second", "second" },
	{ "a relay's name has no case", "x@y", "a@upper.example", ROUTE_DOMAIN, 0, "isp",
	  "" },
	{ "a sender's own route goes before the recipient's", "Ann@Office.Example",
	  "a@far.example", ROUTE_SENDER, 0, "sat", "" },
	{ "a sender's domain may have a route", "x@branch.example", "a@far.example",
	  ROUTE_SENDER, 0, "other.example", "other.example" },
	{ "the null sender has no route of its own", "", "a@far.example", ROUTE_DOMAIN,
	  2525, "mail.far.example-2525", "mail.far.example" },
};

static void route(void **state)
{
	size_t i = (uintptr_t)*state;
	struct route found;
	struct err err = { 0 };

	assert_true(routes_find(folder_fd, &settings, routes[i].sender,
				routes[i].recipient, &found, &err));
	assert_int_equal(found.by, routes[i].by);
	assert_string_equal(found.smarthost, routes[i].smarthost);
	assert_string_equal(found.host, routes[i].host);
	assert_int_equal(found.port, routes[i].port);
}

static void a_relay_that_makes_no_sense_is_temporary(void **state)
{
	struct route found;
	struct err err = { 0 };

	(void)state;
	assert_false(
		routes_find(folder_fd, &settings, "x@y", "a@bad.example", &found, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_string_equal(err.status, "4.3.5");
}

static void every_route_leads_to_its_host(void **state)
{
	static const char *const recipients[] = { "a@far.example", "a@b.lab.example",
						  "a@six.example", "a@local.example" };
	static const char *const hosts[] = { "mail.far.example", "10.1.2.3",
					     "2001:db8::1", "local" };
	struct smarthost smarthost;
	struct route found;
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(recipients); i++) {
		assert_true(routes_find(folder_fd, &settings, "x@y", recipients[i],
					&found, &err));
		assert_true(smarthost_name_is_valid(found.smarthost));
		assert_true(smarthost_load(folder_fd, &settings, found.smarthost,
					   &smarthost, &err));
		assert_string_equal(smarthost.host, hosts[i]);
		assert_int_equal(smarthost.port, found.port ? found.port : 25);
		smarthost_clear(&smarthost);
	}
}

static const struct {
	const char *title;
	const char *domain;
	bool local, ours;
} domains[] = {
	{ "a local domain is ours", "office.example", true, true },
	{ "locals know no case", "gw.OFFICE.example", true, true },
	{ "locals know no suffixes", "x.office.example", false, false },
	{ "a domain of rcpthosts is ours", "branch.example", false, true },
	{ "below a suffix of rcpthosts is ours", "a.b.clinics.example", false, true },
	{ "the suffix's own domain is not", "clinics.example", false, false },
	{ "a virtual domain is ours", "club.example", false, true },
	{ "an exception from virtual domains is not", "free.club.example", false, false },
	{ "what nobody named is not", "far.example", false, false },
};

static void domain(void **state)
{
	size_t i = (uintptr_t)*state;

	assert_int_equal(routes_is_local(&settings, domains[i].domain), domains[i].local);
	assert_int_equal(routes_is_ours(&settings, domains[i].domain), domains[i].ours);
}

static const struct {
	const char *title;
	const char *address;
	const char *user; /* NULL: not virtual */
} virtuals[] = {
	{ "a virtual domain belongs to its user", "info@club.example", "ann-info" },
	{ "its address's own line goes first", "Boss@Club.example", "bob-Boss" },
	{ "a suffix takes what is below it", "x@north.shops.example", "carol-x" },
	{ "an empty user is an exception", "x@free.club.example", NULL },
	{ "locals go before virtual domains", "x@office.example", NULL },
	{ "another domain is not virtual", "x@far.example", NULL },
	{ "an address without a domain is not virtual", "x", NULL },
};

static void virtual_user(void **state)
{
	size_t i = (uintptr_t)*state;
	const char *line = NULL;
	char user[100];
	bool found =
		routes_virtual(&settings, virtuals[i].address, user, sizeof(user), &line);

	assert_int_equal(found, virtuals[i].user != NULL);
	if (!found)
		return;
	assert_string_equal(user, virtuals[i].user);
	assert_non_null(strchr(line, ':'));
}

static void a_user_that_does_not_fit_is_not_cut(void **state)
{
	const char *line;
	char user[8];

	(void)state;
	assert_false(routes_virtual(&settings, "info@club.example", user, sizeof(user),
				    &line));
}

static const struct {
	const char *title;
	const char *text;
	const char *smarthost; /* NULL: refused */
} relays[] = {
	{ "a host is a smarthost's name", "Mail.Example", "mail.example" },
	{ "blanks round it do no harm", " mail.example ", "mail.example" },
	{ "a port is part of the name", "mail.example:26", "mail.example-26" },
	{ "an address may have brackets", "[10.0.0.1]:26", "10.0.0.1-26" },
	{ "no relay at all", "", NULL },
	{ "port 0", "mail.example:0", NULL },
	{ "a port too large", "mail.example:65536", NULL },
	{ "a port that is none", "mail.example:smtp", NULL },
	{ "an empty port", "mail.example:", NULL },
	{ "a bracket that does not close", "[10.0.0.1", NULL },
	{ "more behind the bracket", "[10.0.0.1]x", NULL },
	{ "a path", "../etc", NULL },
	{ "a slash", "a/b", NULL },
	{ "an option", "-v", NULL },
	{ "two words", "mail example", NULL },
};

static void relay(void **state)
{
	size_t i = (uintptr_t)*state;
	struct relay parsed;
	struct err err = { 0 };
	bool fine = relay_parse(relays[i].text, &parsed, &err);

	assert_int_equal(fine, relays[i].smarthost != NULL);
	if (fine)
		assert_string_equal(parsed.smarthost, relays[i].smarthost);
	else
		assert_int_equal(err_exit_code(&err), EX_CONFIG);
}

static void hosts_of_odd_names_do_not_share_a_maildir(void **state)
{
	static const char *const texts[] = {
		"[2001:db8::1]",
		"[2001:db8::1]:25",
		"local",
		"_x.example",
		"x.example",
		"a-very-long-host-name-that-is-longer-than-a-smarthosts-name.one.example",
		"a-very-long-host-name-that-is-longer-than-a-smarthosts-name.two.example",
	};
	struct relay parsed[LENGTH(texts)];
	struct err err = { 0 };

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		assert_true(relay_parse(texts[i], &parsed[i], &err));
		assert_true(smarthost_name_is_valid(parsed[i].smarthost));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(parsed[i].smarthost, parsed[j].smarthost);
	}
}

static void the_signature_follows_the_routes(void **state)
{
	struct settings changed = { 0 };
	struct err err = { 0 };
	uint64_t before = routes_signature(folder_fd, &settings), after;

	(void)state;
	assert_true(before == routes_signature(folder_fd, &settings));
	folder_write("smarthosts/new", "host new.example\n");
	after = routes_signature(folder_fd, &settings);
	assert_true(before != after);
	folder_drop("smarthosts/new");
	assert_true(before == routes_signature(folder_fd, &settings));
	folder_write("smtproutes", ":sat\n");
	assert_true(settings_load(folder_fd, &changed, &err));
	assert_true(before != routes_signature(folder_fd, &changed));
	settings_clear(&changed);
}

int main(void)
{
	for (size_t i = 0; i < LENGTH(routes); i++)
		add(routes[i].title, route, i);
	for (size_t i = 0; i < LENGTH(domains); i++)
		add(domains[i].title, domain, i);
	for (size_t i = 0; i < LENGTH(virtuals); i++)
		add(virtuals[i].title, virtual_user, i);
	for (size_t i = 0; i < LENGTH(relays); i++)
		add(relays[i].title, relay, i);
	add("a relay that makes no sense is temporary",
	    a_relay_that_makes_no_sense_is_temporary, 0);
	add("every route leads to its host", every_route_leads_to_its_host, 0);
	add("a user that does not fit is not cut", a_user_that_does_not_fit_is_not_cut,
	    0);
	add("hosts of odd names do not share a Maildir",
	    hosts_of_odd_names_do_not_share_a_maildir, 0);
	add("the signature follows the routes", the_signature_follows_the_routes, 0);
	return _cmocka_run_group_tests("routes", tests, count, make, clear);
}
