#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attr.h"
#include "decoded.h"

#define UTF8_TEXT "a naiv\xC3\xA9 text\n"
#define AS_QUOTED "a naiv=C3=A9 text\n"
#define QUOTED    "Content-Transfer-Encoding: quoted-printable\n"
#define BASE64    "Content-Transfer-Encoding: base64\n"
#define MIXED     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n"

/* In the table "@" stands for a thousand letters x, and "~" for as many, each tenth a
 * blank. */
#define LONG_LEN ((size_t)1000)

static const struct {
	const char *title;
	const char *message;
	const char *converted; /* NULL: it stays; "": see what a reader sees, no more */
	enum convert_left left;
} rows[] = {
	{ "7-bit mail with short lines stays", "Subject: x\n\ntext\n", NULL,
	  LEFT_NOTHING },
	{ "text becomes quoted-printable",
	  "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
	  "Content-Transfer-Encoding: 8bit\nSubject: x\n\n" UTF8_TEXT,
	  "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" QUOTED
	  "Subject: x\n\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "text without MIME fields gets them: it is UTF-8", "Subject: x\n\n" UTF8_TEXT,
	  "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" QUOTED
	  "\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "text without MIME fields gets them: its charset is not known",
	  "Subject: x\n\na naiv\xE9 text\n",
	  "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; "
	  "charset=unknown-8bit\n" QUOTED "\na naiv=E9 text\n",
	  LEFT_NOTHING },
	{ "a message without a header gets one", UTF8_TEXT,
	  "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n" QUOTED
	  "\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "what would grow too much becomes base64",
	  "Content-Type: text/plain\nMIME-Version: 1.0\n\n"
	  "\xD0\xBF\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\n",
	  "Content-Type: text/plain\nMIME-Version: 1.0\n" BASE64
	  "\n0L/RgNC40LLQtdGCDQo=\n",
	  LEFT_NOTHING },
	{ "a folded encoding field is replaced as a whole, a second one goes",
	  "MIME-Version: 1.0\nContent-Transfer-Encoding:\n\t8bit\n"
	  "Content-Type: text/plain\nContent-Transfer-Encoding: binary\n\n" UTF8_TEXT,
	  "MIME-Version: 1.0\n" QUOTED "Content-Type: text/plain\n\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "of several parts only the one that needs it changes",
	  MIXED "\nhello\n--b\n\n plain =3D \n\n--b\nContent-Type: "
		"text/plain\n\n" UTF8_TEXT "\n--b--\nbye\n",
	  MIXED "\nhello\n--b\n\n plain =3D \n\n--b\nContent-Type: text/plain\n" QUOTED
		"\n" AS_QUOTED "\n--b--\nbye\n",
	  LEFT_NOTHING },
	{ "the line end in front of a boundary is not content",
	  MIXED "\n--b\n\n\xC3\xA4\xC3\xB6\xC3\xBC\n--b--\n",
	  MIXED "\n--b\nContent-Type: text/plain; charset=utf-8\n" BASE64
		"\nw6TDtsO8\n--b--\n",
	  LEFT_NOTHING },
	{ "a container that is 7-bit afterwards says so",
	  MIXED "Content-Transfer-Encoding: 8bit\n\n--b\n"
		"Content-Type: multipart/alternative; boundary=bb\n"
		"Content-Transfer-Encoding: 8bit\n\n--bb\n"
		"Content-Type: text/html\n\n" UTF8_TEXT "--bb--\n--b--\n",
	  MIXED "Content-Transfer-Encoding: 7bit\n\n--b\n"
		"Content-Type: multipart/alternative; boundary=bb\n"
		"Content-Transfer-Encoding: 7bit\n\n--bb\n"
		"Content-Type: text/html\n" QUOTED "\n" AS_QUOTED "--bb--\n--b--\n",
	  LEFT_NOTHING },
	{ "a message in a message is gone into",
	  "MIME-Version: 1.0\nContent-Type: message/rfc822\n"
	  "Content-Transfer-Encoding: 8bit\n\nSubject: in\n\n" UTF8_TEXT,
	  "MIME-Version: 1.0\nContent-Type: message/rfc822\n"
	  "Content-Transfer-Encoding: 7bit\n\nSubject: in\nMIME-Version: 1.0\n"
	  "Content-Type: text/plain; charset=utf-8\n" QUOTED "\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "a digest's parts are messages",
	  "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n--b\n\n"
	  "Subject: in\nContent-Type: text/plain\nMIME-Version: 1\n\n" UTF8_TEXT
	  "--b--\n",
	  "MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n\n--b\n\n"
	  "Subject: in\nContent-Type: text/plain\nMIME-Version: 1\n" QUOTED "\n" AS_QUOTED
	  "--b--\n",
	  LEFT_NOTHING },
	{ "a signed part stays, its neighbour does not",
	  MIXED "\n--b\nContent-Type: multipart/signed; boundary=s\n\n--s\n\n" UTF8_TEXT
		"--s--\n--b\nContent-Type: text/plain\n\n" UTF8_TEXT "--b--\n",
	  MIXED "\n--b\nContent-Type: multipart/signed; boundary=s\n\n--s\n\n" UTF8_TEXT
		"--s--\n--b\nContent-Type: text/plain\n" QUOTED "\n" AS_QUOTED "--b--\n",
	  LEFT_SIGNED },
	{ "a signed message stays",
	  "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s\n"
	  "Content-Transfer-Encoding: 8bit\n\n--s\n\n" UTF8_TEXT "\n--s--\n",
	  NULL, LEFT_SIGNED },
	{ "an encrypted message stays",
	  "MIME-Version: 1.0\nContent-Type: multipart/encrypted; boundary=s\n\n--s\n\n"
	  "@\n--s--\n",
	  NULL, LEFT_SIGNED },
	{ "a signed message that fits is no matter",
	  "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s\n\n--s\n\n"
	  "text\n--s--\n",
	  NULL, LEFT_NOTHING },
	{ "a piece of a message stays",
	  "MIME-Version: 1.0\nContent-Type: message/partial; id=x; number=1\n\n"
	  "Subject: x\n\n" UTF8_TEXT,
	  NULL, LEFT_OTHER },
	{ "an encoding that only some readers know stays",
	  "MIME-Version: 1.0\nContent-Transfer-Encoding: x-uuencode\n\n" UTF8_TEXT, NULL,
	  LEFT_OTHER },
	{ "an encoding that no reader knows is none",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n"
	  "Content-Transfer-Encoding: utf-8\n\n" UTF8_TEXT,
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" QUOTED "\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "stray bytes in quoted-printable are quoted, and no more",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" QUOTED "\na =3D \xC3=A4 =\nb\n",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" QUOTED "\na =3D =C3=A4 =\nb\n",
	  LEFT_NOTHING },
	{ "stray bytes in base64 mean nothing",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" BASE64 "\nYW\xC3\xA4Jj\n",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" BASE64 "\nYWJj\n",
	  LEFT_NOTHING },
	{ "a long line of base64 is broken",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" BASE64 "\n@\n", "",
	  LEFT_NOTHING },
	{ "a long line of quoted-printable is broken softly",
	  "MIME-Version: 1.0\nContent-Type: text/plain\n" QUOTED "\n=C3=A4@=3D\nx\n", "",
	  LEFT_NOTHING },
	{ "a long line of text is never broken raw", "Subject: x\n\n@\nshort\n", "",
	  LEFT_NOTHING },
	{ "a long line with blanks at its end", "Subject: x\n\n@  \t\nshort \n", "",
	  LEFT_NOTHING },
	{ "a line that has no end", "Subject: x\n\n@~@", "", LEFT_NOTHING },
	{ "a long line that holds what looks like a boundary",
	  MIXED "\n--b\n\n@--b@--b\n--b--\n", "", LEFT_NOTHING },
	{ "a line that begins like a boundary, in quoted-printable",
	  MIXED "\n--b\nContent-Type: text/plain\n\n--bee\n" UTF8_TEXT "- one\n--b--\n",
	  MIXED "\n--b\nContent-Type: text/plain\n" QUOTED "\n=2D-bee\n" AS_QUOTED
		"- one\n--b--\n",
	  LEFT_NOTHING },
	{ "a boundary that begins with another one is its own",
	  "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\n"
	  "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	  "Content-Type: text/plain\n\n" UTF8_TEXT "--b1--\n" UTF8_TEXT,
	  "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b1\n\n--b1\n"
	  "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	  "Content-Type: text/plain\n" QUOTED "\n" AS_QUOTED "--b1--\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "text around the parts, which readers ignore",
	  MIXED "\n" UTF8_TEXT "--b\n\ntext\n--b--\n" UTF8_TEXT,
	  MIXED "\n" AS_QUOTED "--b\n\ntext\n--b--\n" AS_QUOTED, LEFT_NOTHING },
	{ "a multipart that has no parts is content",
	  "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" UTF8_TEXT,
	  "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n" QUOTED
	  "\n" AS_QUOTED,
	  LEFT_NOTHING },
	{ "a multipart that claims an encoding is a multipart",
	  MIXED BASE64 "\n--b\nContent-Type: text/plain\n\n" UTF8_TEXT "--b--\n",
	  MIXED BASE64 "\n--b\nContent-Type: text/plain\n" QUOTED "\n" AS_QUOTED
		       "--b--\n",
	  LEFT_NOTHING },
	{ "8-bit header fields stay as they are",
	  "Subject: na\xC3\xAFve\nMIME-Version: 1.0\n\ntext\n", NULL, LEFT_NOTHING },
	{ "a long header line is folded at a blank",
	  "Subject: x\nX-Long: ~\nTo: a\n\ntext\n", "", LEFT_NOTHING },
	{ "a long header line without a blank stays", "X-Long:@@\n\ntext\n",
	  "X-Long:@@\n\ntext\n", LEFT_NOTHING },
	{ "stored CRLF line ends, trailing blanks and stray CRs",
	  "Content-Type: text/plain\r\nMIME-Version: 1.0\r\n\r\n"
	  "a \r\nb\rc\xC3\xA4\r\r\n.\r\nand some more text\r\n",
	  "Content-Type: text/plain\r\nMIME-Version: 1.0\r\n" QUOTED "\r\n"
	  "a=20\nb=0Dc=C3=A4=0D\n.\nand some more text\n",
	  LEFT_NOTHING },
};

static void expand(const char *text, struct buf *out)
{
	for (; *text; text++)
		for (size_t i = 0; i < (strchr("@~", *text) ? LONG_LEN : 1); i++)
			assert_true(buf_append_byte(out, *text == '@'   ? 'x'
							 : *text != '~' ? *text
							 : i % 10       ? 'x'
									: ' '));
}

static const struct convert_need both = { true, true };

/* What a reader sees stays, and its form is what was wanted. */
static void check_promises(struct span message, struct span converted)
{
	AUTO_BUF before = BUF_INIT(1000000);
	AUTO_BUF after = BUF_INIT(1000000);
	bool seven_bit, short_lines;

	decode_message(message, &before, &seven_bit, &short_lines);
	decode_message(converted, &after, &seven_bit, &short_lines);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
	assert_true(seven_bit);
	assert_true(short_lines);
}

/* Cut anywhere, the same becomes of it. */
static void conversion(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	AUTO_BUF message = BUF_INIT(100000);
	AUTO_BUF wanted = BUF_INIT(100000);
	AUTO_BUF first = BUF_INIT(1000000);
	const char *converted = rows[row].converted;

	expand(rows[row].message, &message);
	expand(converted && converted[0] ? converted : rows[row].message, &wanted);
	for (size_t piece = message.len + 1; piece; piece /= 2) {
		AUTO_BUF out = BUF_INIT(1000000);
		enum convert_left left;
		bool changes =
			convert_message(buf_span(&message), &both, piece, &out, &left);

		assert_int_equal(changes, converted != NULL);
		assert_int_equal(left, rows[row].left);
		if (!converted || converted[0]) {
			assert_string_equal(out.data, wanted.data);
		} else {
			assert_string_not_equal(out.data, wanted.data);
			check_promises(buf_span(&message), buf_span(&out));
		}
		if (!first.len)
			assert_true(buf_append_span(&first, buf_span(&out)));
		assert_int_equal(first.len, out.len);
		assert_memory_equal(first.data, out.data, out.len);
	}
}

static void only_what_is_needed_is_done(void **state)
{
	static const struct convert_need eight_bit = { .seven_bit = true };
	static const struct convert_need lines = { .short_lines = true };
	AUTO_BUF long_text = BUF_INIT(5000);
	AUTO_BUF out = BUF_INIT(100000);
	enum convert_left left;

	(void)state;
	expand("Subject: ~\n\n@\n", &long_text);
	assert_false(convert_message(buf_span(&long_text), &eight_bit, 7, &out, &left));
	assert_false(convert_message(span_of("Subject: x\n\n" UTF8_TEXT), &lines, 7, &out,
				     &left));
}

static void what_is_behind_ten_thousand_parts_is_left(void **state)
{
	AUTO_BUF message = BUF_INIT(1000000);
	AUTO_BUF out = BUF_INIT(1000000);
	enum convert_left left;

	(void)state;
	assert_true(buf_append_text(&message, MIXED "\n"));
	for (size_t i = 0; i < 10001; i++)
		assert_true(buf_append_text(&message, "--b\n\nx\n"));
	assert_false(convert_message(buf_span(&message), &both, 4096, &out, &left));
	assert_int_equal(left, LEFT_NOTHING);
	assert_true(buf_append_text(&message, "--b\n\n" UTF8_TEXT "--b--\n"));
	buf_reset(&out);
	assert_false(convert_message(buf_span(&message), &both, 4096, &out, &left));
	assert_int_equal(left, LEFT_OTHER);
	assert_string_equal(out.data, message.data);
}

static void multiparts_too_deep_in_each_other_are_left(void **state)
{
	AUTO_BUF message = BUF_INIT(100000);
	AUTO_BUF out = BUF_INIT(100000);
	enum convert_left left;

	(void)state;
	assert_true(buf_append_text(&message, "MIME-Version: 1.0\n"));
	for (unsigned i = 0; i <= WALK_DEPTH_MAX; i++)
		assert_true(buf_appendf(
			&message,
			"Content-Type: multipart/mixed; boundary=b%u.\n\n--b%u.\n", i,
			i));
	assert_true(buf_append_text(&message, "\n" UTF8_TEXT));
	assert_false(convert_message(buf_span(&message), &both, 4096, &out, &left));
	assert_int_equal(left, LEFT_OTHER);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 3] = {
		cmocka_unit_test(only_what_is_needed_is_done),
		cmocka_unit_test(what_is_behind_ten_thousand_parts_is_left),
		cmocka_unit_test(multiparts_too_deep_in_each_other_are_left),
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i + 3].name = rows[i].title;
		tests[i + 3].test_func = conversion;
		tests[i + 3].initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("converter", tests, NULL, NULL);
}
