#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/address.h"
#include "mail/envelope.h"

/* The text after "broken: " where it does not parse, else the sender and recipients. */
static const struct {
	const char *title;
	struct span file;
	size_t recipients;
	const char *read; /* sender>, then each recipient and D or x; NULL: broken */
	const char *body;
} rows[] = {
#define FILE_OF(text)                    \
	{                                \
		(text), sizeof(text) - 1 \
	}
	{ "one recipient, as serialmail has it",
	  FILE_OF("Return-Path: <a@b>\nDelivered-To: c@d\nSubject: x\n\nhello\n"), 1,
	  "a@b>c@dD", "Subject: x\n\nhello\n" },
	{ "several recipients, some settled",
	  FILE_OF("Return-Path: <>\nDelivered-To: c@d\nxelivered-To: e f@g\n\n"), 2,
	  ">c@dDe f@gx", "\n" },
	{ "a quoted sender", FILE_OF("Return-Path: <\"a b\"@c>\nDelivered-To: d\n"), 1,
	  "a b@c>dD", "" },
	{ "a bounce's bounce, which is from nobody's address",
	  FILE_OF("Return-Path: <#@[]>\nDelivered-To: d@e\n\n"), 1, "#@[]>d@eD", "\n" },
	{ "the message's own Delivered-To is the message's",
	  FILE_OF("Return-Path: <a@b>\nDelivered-To: c@d\nDelivered-To: e@f\n\n"), 1,
	  "a@b>c@dD", "Delivered-To: e@f\n\n" },
	{ "fewer lines than the name says",
	  FILE_OF("Return-Path: <a@b>\nDelivered-To: c@d\n\n"), 2, NULL, NULL },
	{ "no Return-Path", FILE_OF("Delivered-To: c@d\n"), 1, NULL, NULL },
	{ "no brackets", FILE_OF("Return-Path: a@b\nDelivered-To: c@d\n"), 1, NULL,
	  NULL },
	{ "a mark that is none", FILE_OF("Return-Path: <a@b>\nYelivered-To: c@d\n"), 1,
	  NULL, NULL },
	{ "an empty recipient", FILE_OF("Return-Path: <a@b>\nDelivered-To: \n"), 1, NULL,
	  NULL },
	{ "a NUL in a recipient", FILE_OF("Return-Path: <a@b>\nDelivered-To: c\0@d\n"), 1,
	  NULL, NULL },
	{ "a torn line", FILE_OF("Return-Path: <a@b>\nDelivered-To: c@d"), 1, NULL,
	  NULL },
	{ "an empty file", FILE_OF(""), 1, NULL, NULL },
	{ "no recipients", FILE_OF("Return-Path: <a@b>\n\n"), 0, NULL, NULL },
	{ "more recipients than a file may have", FILE_OF("Return-Path: <a@b>\n\n"), 101,
	  NULL, NULL },
};

static int file_with(struct span text)
{
	struct err err = { 0 };
	int fd = memfd_create("envelope", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(file_write(fd, text.at, text.len, &err));
	return fd;
}

static void check_read(const struct envelope *envelope, int fd, size_t row)
{
	AUTO_BUF all = BUF_INIT(1000);
	char body[100] = "", mark;

	assert_true(buf_appendf(&all, "%s>", envelope->sender));
	for (size_t i = 0; i < envelope->count; i++) {
		const struct envelope_recipient *recipient = &envelope->recipients[i];

		assert_true(buf_appendf(&all, "%s%c", recipient->address,
					recipient->settled ? 'x' : 'D'));
		assert_int_equal(pread(fd, &mark, 1, recipient->mark), 1);
		assert_int_equal(mark, recipient->settled ? 'x' : 'D');
	}
	assert_string_equal(all.data, rows[row].read);
	assert_true(pread(fd, body, sizeof(body) - 1, envelope->body) >= 0);
	assert_string_equal(body, rows[row].body);
}

static void reading(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_FD fd = file_with(rows[row].file);
	struct envelope envelope;
	struct err err = { 0 };
	bool read = envelope_read(fd, rows[row].recipients, &envelope, &err);

	assert_int_equal(read, rows[row].read != NULL);
	if (read) {
		check_read(&envelope, fd, row);
	} else {
		assert_int_equal(err.kind, ERR_PERMANENT);
		assert_null(envelope.sender);
		assert_null(envelope.recipients);
	}
	envelope_clear(&envelope);
}

static void what_is_written_is_read(void **state)
{
	const char *recipients[ENVELOPE_RECIPIENTS_MAX];
	char longest[ADDRESS_MAX];
	AUTO_BUF head = BUF_INIT(1000000);
	struct envelope envelope;
	struct err err = { 0 };

	(void)state;
	memset(longest, '"', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < LENGTH(recipients); i++)
		recipients[i] = longest;
	assert_true(envelope_append(&head, longest, recipients, LENGTH(recipients)));
	AUTO_FD fd = file_with(buf_span(&head));
	assert_true(envelope_read(fd, LENGTH(recipients), &envelope, &err));
	assert_string_equal(envelope.sender, longest);
	assert_string_equal(envelope.recipients[99].address, longest);
	assert_int_equal(envelope.body, head.len);
	envelope_clear(&envelope);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = reading,
						.initial_state = (void *)(uintptr_t)i };
	tests[LENGTH(rows)] =
		(struct CMUnitTest){ .name = "what is written is read, at its longest",
				     .test_func = what_is_written_is_read };
	return cmocka_run_group_tests_name("mail envelope", tests, NULL, NULL);
}
