/* The files of other mailers' queues, and what cannot be one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "import/postfix_file.h"
#include "import/sendmail_file.h"

#define MAIL_MAX ((size_t)64 * 1024)

static const struct {
	const char *title;
	struct span file;
	const char *sender; /* NULL: refused */
	const char *recipients;
	const char *message;
} postfix[] = {
#define FILE_OF(text)                  \
	{                              \
		text, sizeof(text) - 1 \
	}
	{ "Postfix: sender, recipients, message",
	  FILE_OF("C\x03"
		  "1 2S\x05"
		  "a@b.cR\x05"
		  "d@e.fR\x05"
		  "g@h.iM\0N\x0a"
		  "Subject: xN\0N\x02hiX\0E\0"),
	  "a@b.c", "d@e.f g@h.i ", "Subject: x\n\nhi\n" },
	{ "Postfix: who has it, or was taken back, does not get it again",
	  FILE_OF("S\x01"
		  "aD\x01"
		  "bR\x01"
		  "c/\x01"
		  "dM\0X\0E\0"),
	  "a", "c ", "" },
	{ "Postfix: a long line comes in parts",
	  FILE_OF("S\0R\x01"
		  "bM\0L\x02"
		  "onN\x01"
		  "eX\0E\0"),
	  "", "b ", "one\n" },
	{ "Postfix: what a filter took out is gone, what it put elsewhere is found",
	  FILE_OF("S\x01"
		  "aM\0p\x02"
		  "16N\x03"
		  "oldE\0"
		  "N\x03"
		  "newX\0R\x01"
		  "bE\0"),
	  "a", "b ", "new\n" },
	{ "Postfix: a pointer to 0 goes on",
	  FILE_OF("S\x01"
		  "aM\0p\x01"
		  "0N\x01"
		  "xX\0E\0"),
	  "a", "", "x\n" },
	{ "Postfix: a file that was cut is refused",
	  FILE_OF("S\x01"
		  "aM\0N\x09"
		  "cut"),
	  NULL, NULL, NULL },
	{ "Postfix: a file without an end is refused",
	  FILE_OF("S\x01"
		  "aM\0"),
	  NULL, NULL, NULL },
	{ "Postfix: a pointer behind the end is refused",
	  FILE_OF("S\x01"
		  "ap\x02"
		  "99E\0"),
	  NULL, NULL, NULL },
	{ "Postfix: a circle of pointers ends",
	  FILE_OF("S\x01"
		  "ap\x01"
		  "3E\0"),
	  NULL, NULL, NULL },
	{ "Postfix: without a sender it is refused", FILE_OF("M\0X\0E\0"), NULL, NULL,
	  NULL },
	{ "Postfix: a length without an end is refused",
	  FILE_OF("S\xff\xff\xff\xff\xff\xff\x01"), NULL, NULL, NULL },
};

static void join(const struct settings_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->count; i++)
		assert_true(buf_appendf(out, "%s ", list->lines[i]));
}

static bool put(void *ctx, struct span piece, struct err *err)
{
	(void)err;
	return buf_append_span(ctx, piece);
}

static void check(bool parsed, const char *sender, const char *recipients,
		  const struct queued *queued, const struct err *err)
{
	AUTO_BUF found = BUF_INIT(MAIL_MAX);

	assert_int_equal(parsed, sender != NULL);
	if (!parsed) {
		assert_int_equal(err->kind, ERR_PERMANENT);
		assert_true(err->text[0]);
		return;
	}
	join(&queued->recipients, &found);
	assert_string_equal(queued->sender, sender);
	assert_string_equal(found.data, recipients);
}

static void read_postfix(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF message = BUF_INIT(MAIL_MAX);
	struct queued queued = { .sender = NULL };
	struct err err = { 0 };
	bool parsed = postfix_file_parse(postfix[row].file, &queued, put, &message, &err);

	check(parsed, postfix[row].sender, postfix[row].recipients, &queued, &err);
	if (parsed)
		assert_string_equal(message.data, postfix[row].message);
	queued_clear(&queued);
}

static const struct {
	const char *title;
	const char *file;
	const char *sender; /* NULL: refused */
	const char *recipients;
	const char *header;
} sendmail[] = {
	{ "sendmail: sender, recipients, header",
	  "V8\nT1\nS<a@b.c>\nRPFD:<d@e.f>\nRg@h.i\nH??To: x\n\ty\nH??Subject: z\n.\n",
	  "a@b.c", "d@e.f g@h.i ", "To: x\n\ty\nSubject: z\n\n" },
	{ "sendmail: the null sender", "S<>\nR<d@e.f>\n.\n", "", "d@e.f ", "\n" },
	{ "sendmail: an old file without flags", "Sa@b.c\nRd@e.f\nHSubject: z\n.\n",
	  "a@b.c", "d@e.f ", "Subject: z\n\n" },
	{ "sendmail: Return-Path and Full-Name are its own",
	  "Sa\nH?P?Return-Path: <g>\n\tx\nH?x?Full-Name: y\nH?D?Date: z\nRb\n.\n", "a",
	  "b ", "Date: z\n\n" },
	{ "sendmail: a line behind something else is no header",
	  "Sa\nH??A: b\nK0\n\tnot this\nRb\n.\n", "a", "b ", "A: b\n\n" },
	{ "sendmail: without its last line it was not written to its end",
	  "Sa\nRb\nH??A: b\n", NULL, NULL, NULL },
	{ "sendmail: half a last line does not count", "Sa\nRb\n.", NULL, NULL, NULL },
	{ "sendmail: without a sender it is refused", "Rb\n.\n", NULL, NULL, NULL },
	{ "sendmail: a recipient that is none is refused", "Sa\nR<b\n.\n", NULL, NULL,
	  NULL },
	{ "sendmail: flags without an end are refused", "Sa\nH?PDate: x\n.\n", NULL, NULL,
	  NULL },
};

static void read_sendmail(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF header = BUF_INIT(MAIL_MAX);
	struct queued queued = { .sender = NULL };
	struct err err = { 0 };
	bool parsed =
		sendmail_file_parse(span_of(sendmail[row].file), &queued, &header, &err);

	check(parsed, sendmail[row].sender, sendmail[row].recipients, &queued, &err);
	if (parsed)
		assert_string_equal(header.data, sendmail[row].header);
	queued_clear(&queued);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(postfix) + LENGTH(sendmail)];

	for (size_t i = 0; i < LENGTH(postfix); i++)
		tests[i] = (struct CMUnitTest){ .name = postfix[i].title,
						.test_func = read_postfix,
						.initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(sendmail); i++)
		tests[LENGTH(postfix) + i] =
			(struct CMUnitTest){ .name = sendmail[i].title,
					     .test_func = read_sendmail,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("import queue files", tests, NULL, NULL);
}
