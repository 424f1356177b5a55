/* What a hook tells about a link, put into what is known of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "link/change.h"

static const struct link_note known = { .name = "ppp0",
					.up = true,
					.since = 1000,
					.interface = "ppp0",
					.local = "10.0.0.1",
					.dns = "192.0.2.1",
					.speed_bps = 9600,
					.told = "probe" };
static const struct link_note was_down = { .name = "ppp0", .since = 1000 };

static const struct link_note both = { .name = "ppp0",
				       .up = true,
				       .since = 1000,
				       .interface = "ppp0",
				       .local = "10.0.0.1",
				       .dns = "192.0.2.1",
				       .families = LINK_IPV4 | LINK_IPV6 };

static const struct {
	const char *title;
	const struct link_note *before;
	bool up;
	const char *settings;
	const char *interface, *local, *dns;
	uint64_t speed_bps;
	bool since_stays;
	struct link_call call;
	bool stays; /* up, after a down */
	uint64_t families;
	const char *ignored;
} rows[] = {
	{ .title = "what is told with an up is known",
	  .before = &was_down,
	  .up = true,
	  .settings = "interface=ppp1\nlocal=10.9.8.7\ndns=192.0.2.1,192.0.2.2\n"
		      "speed_bps=115200\n",
	  .interface = "ppp1",
	  .local = "10.9.8.7",
	  .dns = "192.0.2.1,192.0.2.2",
	  .speed_bps = 115200 },
	{ .title = "an up while it is up keeps its time and takes new addresses only",
	  .before = &known,
	  .up = true,
	  .settings = "local=10.0.0.2",
	  .interface = "",
	  .local = "10.0.0.2",
	  .dns = "",
	  .since_stays = true },
	{ .title = "a second up over the same interface adds to what is known",
	  .before = &known,
	  .up = true,
	  .settings = "interface=ppp0\nfamily=ipv6\n",
	  .interface = "ppp0",
	  .local = "10.0.0.1",
	  .dns = "192.0.2.1",
	  .speed_bps = 9600,
	  .since_stays = true,
	  .families = LINK_IPV6 },
	{ .title = "IPv4 that goes leaves the link up while IPv6 is there",
	  .before = &both,
	  .settings = "family=ipv4\nbytes_sent=1\nbytes_received=2\n",
	  .interface = "ppp0",
	  .local = "10.0.0.1",
	  .dns = "192.0.2.1",
	  .since_stays = true,
	  .call = { true, false, 3, 0 },
	  .stays = true,
	  .families = LINK_IPV6 },
	{ .title = "a down that names no family is the link's",
	  .before = &both,
	  .settings = "",
	  .interface = "ppp0",
	  .local = "10.0.0.1",
	  .dns = "192.0.2.1" },
	{ .title = "the last family that goes takes the link down",
	  .before = &known,
	  .settings = "family=ipv6\n",
	  .interface = "ppp0",
	  .local = "10.0.0.1",
	  .dns = "192.0.2.1",
	  .speed_bps = 9600 },
	{ .title = "the device behind the interface is no news for the note",
	  .before = &was_down,
	  .up = true,
	  .settings = "device=ttyUSB1\nfamily=appletalk\n",
	  .interface = "",
	  .local = "",
	  .dns = "",
	  .ignored = "family=appletalk\n" },
	{ .title = "a down keeps what was known",
	  .before = &known,
	  .settings = "bytes_sent=1\nbytes_received=2\nseconds=3\n",
	  .interface = "ppp0",
	  .local = "10.0.0.1",
	  .dns = "192.0.2.1",
	  .speed_bps = 9600,
	  .call = { true, true, 3, 3 } },
	{ .title = "one direction alone is not the whole call",
	  .before = &was_down,
	  .settings = "bytes_sent=1\nseconds=4\n",
	  .interface = "",
	  .local = "",
	  .dns = "",
	  .since_stays = true,
	  .call = { false, true, 1, 4 } },
	{ .title = "a down while it is down keeps its time",
	  .before = &was_down,
	  .settings = "",
	  .interface = "",
	  .local = "",
	  .dns = "",
	  .since_stays = true },
	{ .title = "a word that makes no sense is told, and the event counts",
	  .before = &was_down,
	  .up = true,
	  .settings = "colour=red\nspeed_bps=fast\nnonsense\nseconds=-1\ninterface=a\n",
	  .interface = "a",
	  .local = "",
	  .dns = "",
	  .ignored = "colour=red\nspeed_bps=fast\nnonsense\nseconds=-1\n" },
	{ .title = "a value that is too long is not cut",
	  .before = &was_down,
	  .up = true,
	  .settings = "interface=an-interface-with-a-name-of-32-b\nlocal=10.0.0.3",
	  .interface = "",
	  .local = "10.0.0.3",
	  .dns = "",
	  .ignored = "interface=an-interface-with-a-name-of-32-b\n" },
};

static void change(void **state)
{
	size_t i = (uintptr_t)*state;
	AUTO_BUF ignored = BUF_INIT(1000);
	char boot_id[CLOCK_TEXT_MAX];
	struct link_note note = *rows[i].before;
	struct link_call call;

	link_note_change(&note, rows[i].up, span_of(rows[i].settings), &call, &ignored);
	assert_int_equal(note.up, rows[i].up || rows[i].stays);
	assert_int_equal(note.families, rows[i].families);
	assert_string_equal(note.name, "ppp0");
	assert_string_equal(note.interface, rows[i].interface);
	assert_string_equal(note.local, rows[i].local);
	assert_string_equal(note.dns, rows[i].dns);
	assert_int_equal(call.has_bytes, rows[i].call.has_bytes);
	assert_int_equal(call.has_seconds, rows[i].call.has_seconds);
	assert_int_equal(call.bytes, rows[i].call.bytes);
	assert_int_equal(call.seconds, rows[i].call.seconds);
	assert_int_equal(note.speed_bps, rows[i].speed_bps);
	if (rows[i].since_stays)
		assert_int_equal(note.since, 1000);
	else
		assert_in_range(note.since, clock_wall_s() - 10, clock_wall_s());
	if (!rows[i].stays)
		assert_string_equal(note.boot_id, clock_boot_id(boot_id));
	assert_string_equal(note.told, "");
	assert_string_equal(ignored.data, rows[i].ignored ? rows[i].ignored : "");
}

static void each_link_up_has_a_time_of_its_own(void **state)
{
	AUTO_BUF ignored = BUF_INIT(1000);
	struct link_note note = was_down;
	int64_t ups[5];

	(void)state;
	for (size_t i = 0; i < LENGTH(ups); i++) {
		link_note_change(&note, true, span_of(""), NULL, &ignored);
		ups[i] = note.since;
		assert_true(i == 0 || ups[i] > ups[i - 1]);
		link_note_change(&note, false, span_of(""), NULL, &ignored);
	}
	/* By a clock that has been set back it is the clock's again. */
	note.since = clock_wall_s() + 86400;
	link_note_change(&note, true, span_of(""), NULL, &ignored);
	assert_in_range(note.since, clock_wall_s() - 10, clock_wall_s());
}

static void what_is_known_is_told_of_another_link(void **state)
{
	AUTO_BUF settings = BUF_INIT(1000), ignored = BUF_INIT(1000);
	struct link_note other = { .name = "line" };

	(void)state;
	assert_true(link_note_settings(&both, &settings));
	link_note_change(&other, true, buf_span(&settings), NULL, &ignored);
	assert_string_equal(other.name, "line");
	assert_string_equal(other.interface, both.interface);
	assert_string_equal(other.local, both.local);
	assert_string_equal(other.dns, both.dns);
	assert_int_equal(other.families, both.families);
	assert_string_equal(ignored.data, "");
}

static void the_last_setting_of_a_key_counts(void **state)
{
	const struct span settings = span_of("interface=ppp0\nx\ninterface=ppp1\n");

	(void)state;
	assert_true(span_is(link_setting(settings, "interface"), "ppp1"));
	assert_int_equal(link_setting(settings, "x").len, 0);
	assert_int_equal(link_setting(settings, "dns").len, 0);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 3] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = change;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	tests[LENGTH(rows)] = (struct CMUnitTest)cmocka_unit_test(
		what_is_known_is_told_of_another_link);
	tests[LENGTH(rows) + 1] =
		(struct CMUnitTest)cmocka_unit_test(the_last_setting_of_a_key_counts);
	tests[LENGTH(rows) + 2] =
		(struct CMUnitTest)cmocka_unit_test(each_link_up_has_a_time_of_its_own);
	return cmocka_run_group_tests_name("what a hook tells", tests, NULL, NULL);
}
