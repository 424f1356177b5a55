#include "ipc/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "ipc/auth.h"

static void a_message_arrives_as_it_was_sent(void **state)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	const struct auth_permit sent = { .verdict = AUTH_LATER,
					  .databytes = UINT64_MAX,
					  .me = span_of("gate.example"),
					  .text = { "a\0b", 3 } };
	struct auth_permit got;
	struct packet packet;

	(void)state;
	auth_permit_put(&out, 0xfffffffe, &sent);
	assert_true(packet_open(&packet, buf_span(&out)));
	assert_int_equal(packet.type, AUTH_PERMIT);
	assert_int_equal(packet.tag, 0xfffffffe);
	assert_true(auth_permit_get(&packet, &got));
	assert_int_equal(got.verdict, AUTH_LATER);
	assert_true(got.databytes == UINT64_MAX);
	assert_true(span_is(got.me, "gate.example"));
	assert_int_equal(got.greeting.len, 0);
	assert_int_equal(got.text.len, 3);
	assert_memory_equal(got.text.at, "a\0b", 3);
}

static void a_packet_cut_short_anywhere_is_bad(void **state)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	const struct auth_login sent = { span_of("ann"), span_of("sesame") };

	(void)state;
	auth_login_put(&out, 7, &sent);
	for (size_t len = 0; len < out.len; len++) {
		/* A copy of just these bytes, so that a sanitizer sees a step beyond. */
		AUTO_BUF cut = BUF_INIT(PACKET_MAX);
		struct auth_login got;
		struct packet packet;

		assert_true(buf_append(&cut, out.data, len));
		if (!packet_open(&packet, buf_span(&cut))) {
			assert_true(len < 8);
			continue;
		}
		assert_false(auth_login_get(&packet, &got));
		assert_true(packet.bad);
	}
}

static void a_packet_with_something_behind_it_is_bad(void **state)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	const struct auth_login sent = { span_of("ann"), span_of("sesame") };
	struct auth_login got;
	struct packet packet;

	(void)state;
	auth_login_put(&out, 7, &sent);
	assert_true(buf_append_byte(&out, 0));
	assert_true(packet_open(&packet, buf_span(&out)));
	assert_false(auth_login_get(&packet, &got));
}

static void a_text_longer_than_its_packet_is_bad(void **state)
{
	static const char *const lengths[] = { "\x04\0\0\0", "\xff\xff\xff\xff",
					       "\0\0\0\x80" };

	(void)state;
	for (size_t i = 0; i < LENGTH(lengths); i++) {
		AUTO_BUF out = BUF_INIT(PACKET_MAX);
		struct packet packet;

		packet_begin(&out, 1, 2);
		assert_true(buf_append(&out, lengths[i], 4));
		assert_true(buf_append_text(&out, "abc"));
		assert_true(packet_open(&packet, buf_span(&out)));
		assert_int_equal(packet_get_text(&packet).len, 0);
		assert_false(packet_end(&packet));
	}
}

static void what_is_bad_stays_bad(void **state)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct packet packet;

	(void)state;
	packet_begin(&out, 1, 2);
	packet_put_text(&out, span_of("abc"));
	assert_true(packet_open(&packet, buf_span(&out)));
	assert_int_equal(packet_get_number(&packet), 0); /* only 7 bytes are there */
	assert_int_equal(packet_get_text(&packet).len, 0);
	assert_false(packet_end(&packet));
}

static void a_c_string_is_only_made_of_what_is_one(void **state)
{
	char out[4] = "old";

	(void)state;
	assert_true(packet_text_copy(span_of("abc"), out, sizeof(out)));
	assert_string_equal(out, "abc");
	assert_true(packet_text_copy((struct span){ NULL, 0 }, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(packet_text_copy(span_of("abcd"), out, sizeof(out)));
	assert_false(packet_text_copy((struct span){ "a\0b", 3 }, out, sizeof(out)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_arrives_as_it_was_sent),
		cmocka_unit_test(a_packet_cut_short_anywhere_is_bad),
		cmocka_unit_test(a_packet_with_something_behind_it_is_bad),
		cmocka_unit_test(a_text_longer_than_its_packet_is_bad),
		cmocka_unit_test(what_is_bad_stays_bad),
		cmocka_unit_test(a_c_string_is_only_made_of_what_is_one),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
