#include "parked_mail.h"

#include "deliver/bounce.h"

static const struct {
	const char *title;
	const char *sender;
	enum dsn_action action;
	const char *told; /* "bob", "isp": outside; NULL: nobody */
	const char *from; /* the bounce's sender */
} rows[] = {
	{ "the sender hears of it", "bob@clinic.example", DSN_FAILED, "bob", "" },
	{ "of a delay too", "bob@clinic.example", DSN_DELAYED, "bob", "" },
	{ "a sender far away hears by his smarthost", "far@abroad.example", DSN_FAILED,
	  "isp", "" },
	{ "but not of a delay on the way to it", "far@abroad.example", DSN_DELAYED, NULL,
	  NULL },
	{ "of a bounce the postmaster hears", "", DSN_FAILED, "bob", "#@[]" },
	{ "but not of its delay", "", DSN_DELAYED, NULL, NULL },
	{ "a sender who is nobody here: the postmaster", "gone@clinic.example",
	  DSN_FAILED, "bob", "#@[]" },
	{ "of his delay nobody", "gone@clinic.example", DSN_DELAYED, NULL, NULL },
	{ "of a bounce's bounce nobody", "#@[]", DSN_FAILED, NULL, NULL },
};

/* Bounces one recipient of the one parked message. */
static bool bounce(const char *sender, enum dsn_action action, struct err *err)
{
	const struct dsn_recipient refused = { .address = "x@abroad.example",
					       .status = "5.1.1",
					       .remote_host = "mail.isp.example",
					       .reply = "550 5.1.1 no such user" };
	struct settings settings;
	struct parked *parked;
	struct parked_name name;
	struct envelope envelope;
	struct bounce order = { .root_fd = office_fd,
				.settings = &settings,
				.name = &name,
				.envelope = &envelope,
				.action = action,
				.recipients = &refused,
				.count = 1 };
	bool done;

	parked_mail_make(sender);
	settings = (struct settings){ 0 };
	assert_true(settings_load(office_control_fd, &settings, err));
	parked = parked_open(office_fd, "isp", false, err);
	assert_true(parked_mail_find(parked, &name));
	order.message_fd = parked_read(parked, &name, &envelope, err);
	assert_true(order.message_fd >= 0);
	assert_true(parked_remove(parked, &name, err));
	done = bounce_send(&order, err);
	close(order.message_fd);
	envelope_clear(&envelope);
	settings_clear(&settings);
	parked_close(parked);
	return done;
}

static void it_is_told(void **state)
{
	size_t i = (uintptr_t)*state;
	AUTO_BUF text = BUF_INIT(65536);
	char first[64];
	struct err err = { 0 };
	bool outside = rows[i].told && strcmp(rows[i].told, "isp") == 0;

	office_make(state);
	assert_true(bounce(rows[i].sender, rows[i].action, &err));
	assert_int_equal(office_files("mail/ann/Maildir/new", &text), 0);
	assert_int_equal(office_files("spool/parked/isp/new", &text), outside);
	if (!outside)
		assert_int_equal(office_files("mail/bob/Maildir/new", &text),
				 rows[i].told != NULL);
	if (rows[i].told) {
		snprintf(first, sizeof(first), "Return-Path: <%s>\n", rows[i].from);
		assert_memory_equal(text.data, first, strlen(first));
		assert_non_null(strstr(text.data, "x@abroad.example"));
		assert_non_null(strstr(text.data, "550 5.1.1 no such user"));
		assert_non_null(strstr(text.data, "Message-ID: <m1@x>"));
		assert_null(strstr(text.data, "\nhello\n"));
	}
	office_remove(state);
}

static void without_a_postmaster_the_recipient_is_not_settled(void **state)
{
	struct err err = { 0 };

	office_make(state);
	assert_int_equal(unlinkat(office_control_fd, "alias/.qmail-postmaster", 0), 0);
	assert_false(bounce("", DSN_FAILED, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	office_remove(state);
}

static void a_bounces_bounce_for_outside_can_be_read_back(void **state)
{
	struct err err = { 0 };
	struct parked *parked;
	struct parked_name name;
	struct envelope envelope;
	int fd;

	office_make(state);
	office_write("doublebounceto", "boss@abroad.example\n");
	assert_true(bounce("", DSN_FAILED, &err));
	parked = parked_open(office_fd, "isp", false, &err);
	assert_true(parked_mail_find(parked, &name));
	fd = parked_read(parked, &name, &envelope, &err);
	assert_true(fd >= 0);
	assert_string_equal(envelope.sender, BOUNCE_DOUBLE_SENDER);
	close(fd);
	envelope_clear(&envelope);
	parked_close(parked);
	office_remove(state);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 2] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = it_is_told,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(
		without_a_postmaster_the_recipient_is_not_settled);
	tests[LENGTH(rows) + 1] = (struct CMUnitTest)cmocka_unit_test(
		a_bounces_bounce_for_outside_can_be_read_back);
	return cmocka_run_group_tests_name("bounces", tests, NULL, NULL);
}
