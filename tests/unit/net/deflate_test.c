#include "net/deflate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROOM ((size_t)4 * 1024 * 1024)

/* Takes all of `packed`, in pieces of a length. */
static enum inflated unpack(struct deflate *deflate, struct span packed, size_t piece,
			    struct buf *out)
{
	enum inflated state = INFLATED_ALL;

	while (packed.len && state != INFLATE_BROKEN) {
		struct span part = { packed.at, packed.len < piece ? packed.len : piece };
		struct span plain;

		packed = span_after(packed, part.len);
		while ((state = deflate_unpack(deflate, &part, &plain)) == INFLATED) {
			assert_in_range(plain.len, 1, 65536);
			assert_true(buf_append_span(out, plain));
		}
		assert_true(state == INFLATE_BROKEN || !part.len);
	}
	return state;
}

static void there_and_back(void **state)
{
	static const size_t pieces[] = { 1, 7, 100000 };
	AUTO_BUF packed = BUF_INIT(ROOM);
	AUTO_BUF noise = BUF_INIT(ROOM);

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		assert_true(buf_append_byte(&noise, (char)(i * i * 31 >> 7)));
	for (size_t i = 0; i < LENGTH(pieces); i++) {
		struct deflate *here = deflate_new(), *there = deflate_new();
		AUTO_BUF got = BUF_INIT(ROOM);

		buf_reset(&packed);
		assert_true(deflate_pack(here, span_of("L1 NOOP\r\n"), &packed));
		/* What was said is there before more is. */
		assert_int_equal(unpack(there, buf_span(&packed), pieces[i], &got),
				 INFLATED_ALL);
		assert_string_equal(got.data, "L1 NOOP\r\n");
		buf_reset(&packed);
		buf_reset(&got);
		assert_true(deflate_pack(here, buf_span(&noise), &packed));
		assert_int_equal(unpack(there, buf_span(&packed), pieces[i], &got),
				 INFLATED_ALL);
		assert_int_equal(got.len, noise.len);
		assert_memory_equal(got.data, noise.data, noise.len);
		deflate_free(here);
		deflate_free(there);
	}
}

/* Every length about the size of a piece: what fills it to the byte is no fault. */
static void any_length(void **state)
{
	struct deflate *here = deflate_new(), *there = deflate_new();
	AUTO_BUF packed = BUF_INIT(ROOM);
	AUTO_BUF got = BUF_INIT(ROOM);
	char bytes[100];

	(void)state;
	for (size_t len = 0; len < sizeof(bytes); len++) {
		memset(bytes, (int)len, sizeof(bytes));
		buf_reset(&packed);
		buf_reset(&got);
		assert_true(deflate_pack(here, (struct span){ bytes, len }, &packed));
		assert_int_equal(unpack(there, buf_span(&packed), 3, &got), INFLATED_ALL);
		assert_int_equal(got.len, len);
	}
	deflate_free(here);
	deflate_free(there);
}

static void bomb(void **state)
{
	struct deflate *here = deflate_new(), *there = deflate_new();
	AUTO_BUF packed = BUF_INIT(ROOM);
	char *zeros = must_alloc(ROOM * 4);
	struct span rest, plain;
	size_t total = 0;

	(void)state;
	assert_true(deflate_pack(here, (struct span){ zeros, ROOM * 4 }, &packed));
	assert_true(packed.len < ROOM / 100);
	for (rest = buf_span(&packed);
	     deflate_unpack(there, &rest, &plain) == INFLATED;) {
		assert_in_range(plain.len, 1, 65536);
		total += plain.len;
	}
	assert_int_equal(total, ROOM * 4);
	free(zeros);
	deflate_free(here);
	deflate_free(there);
}

static void broken(void **state)
{
	struct deflate *deflate = deflate_new();
	struct span rest = span_of("L1 OK this is plain text\r\n"), plain;
	AUTO_BUF got = BUF_INIT(ROOM);

	(void)state;
	assert_int_equal(unpack(deflate, rest, 100, &got), INFLATE_BROKEN);
	rest = span_of("x");
	assert_int_equal(deflate_unpack(deflate, &rest, &plain), INFLATE_BROKEN);
	deflate_free(deflate);
}

static void ended(void **state)
{
	/* An empty last block: what Dovecot says with LOGOUT's answer. */
	static const char end[] = { 3, 0 };
	struct deflate *deflate = deflate_new();
	AUTO_BUF got = BUF_INIT(ROOM);

	(void)state;
	assert_int_equal(unpack(deflate, (struct span){ end, 2 }, 2, &got), INFLATED_ALL);
	assert_int_equal(unpack(deflate, span_of("more"), 4, &got), INFLATE_BROKEN);
	deflate_free(deflate);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		{ "what is packed can be read at once, in any pieces", there_and_back,
		  NULL, NULL, NULL },
		{ "of any length", any_length, NULL, NULL, NULL },
		{ "what inflates a thousandfold comes in small pieces", bomb, NULL, NULL,
		  NULL },
		{ "what is no such stream is told", broken, NULL, NULL, NULL },
		{ "an orderly end is none", ended, NULL, NULL, NULL },
	};

	return cmocka_run_group_tests_name("deflate", tests, NULL, NULL);
}
