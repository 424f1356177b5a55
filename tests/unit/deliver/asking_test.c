#include "office.h"

#include "deliver/asking.h"

static struct router router;
static struct large plans; /* ann's, at pickup isp */
static char address[ADDRESS_MAX];

static int make(void **state)
{
	char local[LARGE_LOCAL_MAX];
	struct err err;

	office_make(state);
	assert_int_equal(mkdirat(office_fd, "spool/pickup", 0700), 0);
	assert_int_equal(mkdirat(office_control_fd, "pickups", 0700), 0);
	office_write("pickups/isp", "host pop.isp.example\nuser Clinic@isp.example\n"
				    "passwordfile x\nto ann\n");
	office_write("alias/.qmail-doctors", "&ann\n&bob\n");
	office_write("alias/.qmail-annie", "&ann@clinic.example\n");
	plans = (struct large){ .id = "p0123456789ab", .pickup = "isp" };
	snprintf(plans.recipient, sizeof(plans.recipient), "ann");
	assert_true(large_new_token(plans.token, &err));
	assert_true(large_write(office_fd, &plans, &err));
	large_local_part(&plans, local);
	snprintf(address, sizeof(address), "%s@GW.clinic.example", local);
	assert_true(router_open(&router, office_control_fd, &err));
	router.root_fd = office_fd;
	return 0;
}

static int tear_down(void **state)
{
	router_clear(&router);
	return office_remove(state);
}

/* "local", a mailbox, or the status of a refusal. */
static const char *where(const char *sender, const char *recipient, bool may_relay)
{
	static char text[SMARTHOST_NAME_MAX + 1];
	struct route_request request = { .sender = sender,
					 .recipient = recipient,
					 .may_relay = may_relay };
	struct destinations found = { 0 };
	struct err err = { 0 };

	if (route_recipient(&router, &request, &found, &err))
		snprintf(text, sizeof(text), "%s", found.items[0].name);
	else
		snprintf(text, sizeof(text), "%s", err.status);
	destinations_clear(&found);
	return text;
}

static void only_whom_the_notice_went_to_may_ask(void **state)
{
	static const struct {
		const char *sender;
		const char *answer;
	} rows[] = {
		{ "ann@clinic.example", "local" },
		{ "ANN@gw.clinic.example", "local" },
		{ "annie@clinic.example", "local" },   /* an alias of hers */
		{ "clinic@isp.example", "local" },     /* as the provider knows her */
		{ "", "local" },                       /* a receipt: it will be ignored */
		{ "doctors@clinic.example", "local" }, /* she is among them */
		{ "bob@clinic.example", "5.7.1" },
		{ "ann@elsewhere.example", "5.7.1" },
		{ "nobody@clinic.example", "5.7.1" },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_string_equal(where(rows[i].sender, address, true), rows[i].answer);
	assert_string_equal(where(address, address, true), "5.7.1");
}

static void from_outside_there_is_no_such_address(void **state)
{
	(void)state;
	assert_string_equal(where("ann@clinic.example", address, false), "5.1.1");
	assert_string_equal(where("", address, false), "5.1.1");
}

static void no_alias_leads_there(void **state)
{
	char line[ADDRESS_MAX + 2];

	(void)state;
	snprintf(line, sizeof(line), "&%s\n", address);
	office_write("alias/.qmail-trick", line);
	assert_string_equal(where("ann@clinic.example", "trick@clinic.example", true),
			    "5.1.1");
}

static void what_is_gone_or_wrong_is_told_at_once(void **state)
{
	char wrong[ADDRESS_MAX];
	char *digit;

	(void)state;
	snprintf(wrong, sizeof(wrong), "%s", address);
	digit = strchr(wrong, '@') - 1;
	*digit = *digit == '0' ? '1' : '0';
	assert_string_equal(where("ann@clinic.example", wrong, true), "5.1.6");
	large_remove(office_fd, plans.id);
	assert_string_equal(where("ann@clinic.example", address, true), "5.1.6");
}

static enum asking take(const char *sender, const char *header)
{
	const struct asking_mail mail = { sender, address, span_of(header) };
	struct large large;
	struct err err;

	return asking_take(office_fd, &router.settings, &mail, &large, &err);
}

static enum large_wish wish(void)
{
	struct large large;

	assert_true(large_read(office_fd, plans.id, &large));
	return large.wish;
}

static void what_a_program_writes_asks_for_nothing(void **state)
{
	static const char *const headers[] = {
		"Auto-Submitted: auto-replied\n\n",
		"Auto-Submitted: auto-generated (x)\n\n",
		"Precedence: bulk\n\n",
		"precedence: Auto_Reply\n\n",
		"List-Id: <x.example>\n\n",
		"X-Autoreply: yes\n\n",
		"Content-Type: multipart/report; report-type=delivery-status\n\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(headers); i++)
		assert_int_equal(take("ann@clinic.example", headers[i]), ASKING_NOT);
	assert_int_equal(take("", "Subject: Re\n\n"), ASKING_NOT);
	assert_int_equal(wish(), LARGE_WAIT);
}

static void what_a_person_writes_is_a_wish(void **state)
{
	(void)state;
	assert_int_equal(
		take("ann@clinic.example", "Auto-Submitted: no\nSubject: Re\n\n"),
		ASKING_DONE);
	assert_int_equal(wish(), LARGE_FETCH);
	large_remove(office_fd, plans.id);
	assert_int_equal(take("ann@clinic.example", "\n"), ASKING_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_whom_the_notice_went_to_may_ask,
						make, tear_down),
		cmocka_unit_test_setup_teardown(from_outside_there_is_no_such_address,
						make, tear_down),
		cmocka_unit_test_setup_teardown(no_alias_leads_there, make, tear_down),
		cmocka_unit_test_setup_teardown(what_is_gone_or_wrong_is_told_at_once,
						make, tear_down),
		cmocka_unit_test_setup_teardown(what_a_program_writes_asks_for_nothing,
						make, tear_down),
		cmocka_unit_test_setup_teardown(what_a_person_writes_is_a_wish, make,
						tear_down),
	};

	return cmocka_run_group_tests_name("asking", tests, NULL, NULL);
}
