#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "mime/media_type.h"

static const struct {
	const char *title;
	const char *value;
	const char *boundary;
	enum media_kind kind;
	bool digest;
} types[] = {
	{ "text is a leaf", "text/plain; charset=utf-8", "", MEDIA_LEAF, false },
	{ "a value without a slash is a leaf", "multipart; boundary=b", "", MEDIA_LEAF,
	  false },
	{ "a boundary in quotes", " Multipart/MIXED; boundary=\"a b\\\"c \"", "a b\"c",
	  MEDIA_MULTIPART, false },
	{ "a boundary without the quotes that it needs",
	  "multipart/mixed; boundary=----=_Part_1/2:3", "----=_Part_1/2:3",
	  MEDIA_MULTIPART, false },
	{ "comments and folds anywhere",
	  "multipart (a;(b)) / (c) mixed (d=\\)) ;\n\tboundary (e) = (f) b (g); x=y", "b",
	  MEDIA_MULTIPART, false },
	{ "a boundary behind other parameters",
	  "multipart/related; type=\"text/html; boundary=no\"; start; BOUNDARY=yes",
	  "yes", MEDIA_MULTIPART, false },
	{ "a digest", "multipart/digest; boundary=b", "b", MEDIA_MULTIPART, true },
	{ "a multipart without a boundary is a leaf", "multipart/mixed", "", MEDIA_LEAF,
	  false },
	{ "a boundary in pieces cannot be read", "multipart/mixed; boundary*0=a; ", "",
	  MEDIA_UNTOUCHABLE, false },
	{ "a signed message", "multipart/signed; micalg=x; boundary=b", "", MEDIA_SIGNED,
	  false },
	{ "an encrypted message", "multipart/encrypted; boundary=b", "", MEDIA_SIGNED,
	  false },
	{ "a message", "message/RFC822", "", MEDIA_MESSAGE, false },
	{ "a report is a leaf", "message/delivery-status", "", MEDIA_LEAF, false },
	{ "a piece of a message may not be encoded", "message/partial; number=1", "",
	  MEDIA_UNTOUCHABLE, false },
};

static void type(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;
	struct media_type got;

	media_type_parse(span_of(types[row].value), &got);
	assert_int_equal(got.kind, types[row].kind);
	assert_int_equal(got.digest, types[row].digest);
	if (got.kind == MEDIA_MULTIPART)
		assert_string_equal(got.boundary, types[row].boundary);
}

static void a_boundary_that_is_too_long_cannot_be_used(void **state)
{
	char value[600] = "multipart/mixed; boundary=";
	struct media_type got;

	(void)state;
	memset(value + strlen(value), 'b', BOUNDARY_MAX);
	media_type_parse(span_of(value), &got);
	assert_int_equal(got.kind, MEDIA_UNTOUCHABLE);
}

static const struct {
	const char *title;
	const char *value;
	enum transfer_encoding encoding;
} encodings[] = {
	{ "7bit is the identity", "7bit", ENCODING_IDENTITY },
	{ "8bit", " 8BIT", ENCODING_8BIT },
	{ "binary, with a comment", "(x) binary (y)", ENCODING_8BIT },
	{ "quoted-printable, with a semicolon behind", "Quoted-Printable;",
	  ENCODING_QUOTED_PRINTABLE },
	{ "base64 on a line of its own", "\n base64", ENCODING_BASE64 },
	{ "a charset by mistake is the identity", "utf-8", ENCODING_IDENTITY },
	{ "nothing is the identity", "", ENCODING_IDENTITY },
	{ "uuencode is decoded by some", "x-uuencode", ENCODING_PRIVATE },
};

static void encoding(void **state)
{
	size_t row = (size_t)(uintptr_t)*state;

	assert_int_equal(transfer_encoding_parse(span_of(encodings[row].value)),
			 encodings[row].encoding);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(types) + LENGTH(encodings) + 1] = {
		cmocka_unit_test(a_boundary_that_is_too_long_cannot_be_used),
	};
	struct CMUnitTest *at = tests + 1;

	for (size_t i = 0; i < LENGTH(types); i++, at++) {
		at->name = types[i].title;
		at->test_func = type;
		at->initial_state = (void *)(uintptr_t)i;
	}
	for (size_t i = 0; i < LENGTH(encodings); i++, at++) {
		at->name = encodings[i].title;
		at->test_func = encoding;
		at->initial_state = (void *)(uintptr_t)i;
	}
	return cmocka_run_group_tests_name("media type", tests, NULL, NULL);
}
