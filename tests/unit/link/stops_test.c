#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "link/fallback.h"
#include "link/stops.h"

#define SINCE INT64_C(1000000)

static char folder[TEST_FOLDER_MAX];
static int root_fd, control_fd;

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/state", "spool/parked",
					       "control", "control/smarthosts" };
	struct err err;

	(void)state;
	root_fd = test_folder_make(folder);
	test_folder_add(root_fd, folders);
	control_fd = file_open_dir(root_fd, "control", &err);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	close(control_fd);
	close(root_fd);
	return test_folder_remove(folder);
}

static void put(const char *path, const char *text)
{
	struct err err;

	assert_true(file_replace(root_fd, path, text, strlen(text), 0600, &err));
}

static struct stop stop_of(const char *scope, const char *key)
{
	struct stop stop = { .since = SINCE };

	snprintf(stop.scope, sizeof(stop.scope), "%s", scope);
	snprintf(stop.key, sizeof(stop.key), "%s", key);
	return stop;
}

/* Put at SINCE, over a link that was up since 900,000, with files as of 7. */
static const struct {
	const char *title;
	const char *scope;
	const char *key;
	int64_t until;
	struct stops_now now;
	bool holds;
} ends[] = {
	{ "a place holds while nothing has changed",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 900000, 7, true },
	  true },
	{ "a place ends at another link-up",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 10, SINCE + 5, 7, true },
	  false },
	{ "a place ends at a link-up by a clock that was set back",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 50, 7, true },
	  false },
	{ "a place holds while no link is up",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 0, 7, true },
	  true },
	{ "a place ends after its time",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 900, 900000, 7, true },
	  false },
	{ "a place without a time has its other ends",
	  "place",
	  "",
	  0,
	  { SINCE + 999999, 900000, 7, true },
	  true },
	{ "a time of a clock that was set back is over",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE - 1, 900000, 7, true },
	  false },
	{ "a changed file ends a place",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 900000, 8, true },
	  false },
	{ "a file that cannot be seen ends nothing",
	  "place",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 900000, 0, true },
	  true },
	{ "a peer ends at a link-up",
	  "peer",
	  "",
	  SINCE + 900,
	  { SINCE + 10, SINCE + 5, 7, true },
	  false },
	{ "a network ends at a link-up",
	  "network",
	  "",
	  SINCE + 900,
	  { SINCE + 10, SINCE + 5, 7, true },
	  false },
	{ "a certificate ends at a link-up",
	  "certificate",
	  "",
	  SINCE + 900,
	  { SINCE + 10, SINCE + 5, 7, true },
	  false },
	{ "a pause ends at a link-up",
	  "session",
	  "",
	  SINCE + 5,
	  { SINCE + 1, SINCE + 1, 7, true },
	  false },
	{ "a pause ends after its seconds",
	  "session",
	  "",
	  SINCE + 5,
	  { SINCE + 5, 900000, 7, true },
	  false },
	{ "a clock holds while it is in doubt",
	  "clock",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 900000, 7, false },
	  true },
	{ "a clock ends when the clock is right",
	  "clock",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 900000, 7, true },
	  false },
	{ "a quota keeps its time over a link-up",
	  "account",
	  "",
	  SINCE + 3600,
	  { SINCE + 10, SINCE + 5, 7, true },
	  true },
	{ "a quota keeps its time whatever is written to a file",
	  "account",
	  "",
	  SINCE + 3600,
	  { SINCE + 10, 900000, 8, true },
	  true },
	{ "a quota ends after its time",
	  "account",
	  "",
	  SINCE + 3600,
	  { SINCE + 3600, 900000, 7, true },
	  false },
	{ "a login keeps its time over a link-up",
	  "login",
	  "",
	  SINCE + 900,
	  { SINCE + 10, SINCE + 5, 7, true },
	  true },
	{ "a login whose time is over is tried at the link-up",
	  "login",
	  "",
	  SINCE + 900,
	  { SINCE + 901, SINCE + 900, 7, true },
	  false },
	{ "a new password ends a login at once",
	  "login",
	  "",
	  SINCE + 900,
	  { SINCE + 10, 900000, 8, true },
	  false },
	{ "a sender ends at a link-up",
	  "sender",
	  "root@gate.example",
	  SINCE + 900,
	  { SINCE + 10, SINCE + 5, 7, true },
	  false },
	{ "a sender holds meanwhile",
	  "sender",
	  "root@gate.example",
	  SINCE + 900,
	  { SINCE + 10, 900000, 7, true },
	  true },
	{ "a letter is let go by a person only",
	  "person",
	  "1700000000.x",
	  0,
	  { SINCE + 999999, SINCE + 5, 8, true },
	  true },
};

static void end(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	struct stop stop = stop_of(ends[i].scope, ends[i].key);

	stop.until = ends[i].until;
	stop.link_since = 900000;
	stop.files = 7;
	assert_int_equal(stop_holds(&stop, &ends[i].now), ends[i].holds);
}

static const struct {
	const char *title;
	const char *scope;
	uint64_t times;
	uint32_t wait_s;
} waits[] = {
	{ "a refused login waits 15 minutes", "login", 1, 900 },
	{ "then an hour", "login", 2, 3600 },
	{ "then four", "login", 3, 14400 },
	{ "and never longer", "login", 9, 14400 },
	{ "a quota waits an hour", "account", 1, 3600 },
	{ "then two", "account", 2, 7200 },
	{ "and a day at most", "account", UINT64_MAX, 86400 },
	{ "a pause waits seconds", "session", 1, 5 },
	{ "a portal is asked again after a minute", "network", 1, 60 },
	{ "a place after 15 minutes", "place", 1, 900 },
	{ "and at last every four hours", "place", 99, 14400 },
};

static void wait_of(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;

	assert_int_equal(stop_usual_wait_s(waits[i].scope, waits[i].times),
			 waits[i].wait_s);
}

static void what_is_written_is_read_again(void **state)
{
	struct stop whole = stop_of("login", ""), sender = stop_of("sender", "ann@x");
	struct stops stops = { 0 }, read;
	struct err err;

	(void)state;
	whole.until = SINCE + 60;
	whole.link_since = 5;
	whole.files = UINT64_MAX;
	snprintf(whole.what, sizeof(whole.what), "the login is refused");
	snprintf(whole.reason, sizeof(whole.reason), "535 two\nlines = x");
	snprintf(whole.mend, sizeof(whole.mend), "Mend it.");
	stops_put(&stops, &whole);
	stops_put(&stops, &sender);
	assert_true(stops_write(root_fd, "isp", &stops, &err));
	stops_clear(&stops);
	stops_read(root_fd, "isp", &read);
	assert_int_equal(read.count, 2);
	assert_string_equal(stops_smarthost(&read)->reason, "535 two lines = x");
	assert_string_equal(stops_smarthost(&read)->what, "the login is refused");
	assert_string_equal(stops_smarthost(&read)->mend, "Mend it.");
	assert_true(stops_smarthost(&read)->files == UINT64_MAX);
	assert_int_equal(stops_smarthost(&read)->until, SINCE + 60);
	assert_int_equal(stops_smarthost(&read)->link_since, 5);
	assert_int_equal(stops_find(&read, "sender", "ANN@X")->since, SINCE);
	stops_remove(&read, "login", "");
	stops_remove(&read, "sender", "ann@x");
	assert_int_equal(read.count, 0);
	assert_true(stops_write(root_fd, "isp", &read, &err));
	assert_int_equal(faccessat(root_fd, "spool/state/stops/isp", F_OK, 0), -1);
	stops_clear(&read);
}

static void a_missing_or_torn_file_is_a_lost_hint(void **state)
{
	struct stops stops;

	(void)state;
	stops_read(root_fd, "isp", &stops);
	assert_int_equal(stops.count, 0);
	assert_int_equal(mkdirat(root_fd, "spool/state/stops", 0700), 0);
	put("spool/state/stops/isp", "scope=place\nsince=5\n\nscope=sender\nkey=a@b");
	stops_read(root_fd, "isp", &stops);
	assert_int_equal(stops.count, 0);
	put("spool/state/stops/isp", "scope=place\nsince=5\nnew=1\n\nend\n");
	stops_read(root_fd, "isp", &stops);
	assert_int_equal(stops.count, 1);
	assert_int_equal(stops.items[0].since, 5);
	stops_clear(&stops);
}

static void a_stop_that_is_put_again_counts_on(void **state)
{
	struct stop stop = stop_of("login", "");
	struct stops stops = { 0 };

	(void)state;
	stops_put(&stops, &stop);
	assert_int_equal(stops.items[0].times, 1);
	assert_int_equal(stops.items[0].until, SINCE + 900);
	stops.items[0].told = SINCE + 1;
	stop.since = SINCE + 1000;
	stops_put(&stops, &stop);
	assert_int_equal(stops.count, 1);
	assert_int_equal(stops.items[0].times, 2);
	assert_int_equal(stops.items[0].since, SINCE);
	assert_int_equal(stops.items[0].told, SINCE + 1);
	assert_int_equal(stops.items[0].until, SINCE + 1000 + 3600);
	/* Another trouble is another stop of the same smarthost. */
	stop = stop_of("place", "");
	stops_put(&stops, &stop);
	assert_int_equal(stops.count, 1);
	assert_string_equal(stops.items[0].scope, "place");
	assert_int_equal(stops.items[0].times, 1);
	assert_int_equal(stops.items[0].told, 0);
	stops_clear(&stops);
}

static void the_null_sender_is_a_sender(void **state)
{
	struct stop null_sender = stop_of("sender", ""), whole = stop_of("account", "");
	struct stops_now now = { .now = SINCE };
	struct stops stops = { 0 };

	(void)state;
	stops_put(&stops, &null_sender);
	assert_null(stops_smarthost(&stops));
	assert_ptr_equal(stops_keeping(&stops, &now, "", "1.x", false), stops.items);
	assert_null(stops_keeping(&stops, &now, "ann@x", "1.x", false));
	stops_put(&stops, &whole);
	assert_int_equal(stops.count, 2);
	assert_string_equal(stops_keeping(&stops, &now, "ann@x", "1.x", false)->scope,
			    "account");
	stops_clear(&stops);
}

static void a_held_letter_has_its_own_reason(void **state)
{
	struct stop letter = stop_of("person", "1.x"), whole = stop_of("place", "");
	struct stops_now now = { .now = SINCE };
	struct stops stops = { 0 };

	(void)state;
	stops_put(&stops, &letter);
	stops_put(&stops, &whole);
	assert_string_equal(stops_keeping(&stops, &now, "a@b", "1.x", true)->key, "1.x");
	assert_null(stops_keeping(&stops, &now, "a@b", "2.x", true));
	/* Released, it is mail like any other. */
	assert_string_equal(stops_keeping(&stops, &now, "a@b", "1.x", false)->scope,
			    "place");
	stops_clear(&stops);
}

static void of_too_many_the_oldest_go(void **state)
{
	struct stops stops = { 0 };
	struct stop whole = stop_of("place", "");
	char key[20];

	(void)state;
	whole.since = 1;
	stops_put(&stops, &whole);
	for (int i = 0; i < STOPS_MAX + 3; i++) {
		struct stop stop;

		snprintf(key, sizeof(key), "%d@x", i);
		stop = stop_of("sender", key);
		stop.since += i;
		stops_put(&stops, &stop);
	}
	assert_int_equal(stops.count, STOPS_MAX + 1);
	assert_non_null(stops_smarthost(&stops));
	assert_null(stops_find(&stops, "sender", "2@x"));
	assert_non_null(stops_find(&stops, "sender", "3@x"));
	stops_clear(&stops);
}

static void a_person_ends_all_but_letters_and_it_stays_on_record(void **state)
{
	struct stop whole = stop_of("account", ""), letter = stop_of("person", "1.x");
	struct stops_now now = { .now = SINCE + 10 };
	struct stops stops = { 0 };

	(void)state;
	stops_put(&stops, &whole);
	stops_put(&stops, &letter);
	assert_true(stop_holds(stops_smarthost(&stops), &now));
	stops_end(&stops, SINCE + 10);
	assert_false(stop_holds(stops_smarthost(&stops), &now));
	assert_true(stop_holds(stops_find(&stops, "person", "1.x"), &now));
	stops_put(&stops, &whole);
	assert_int_equal(stops_smarthost(&stops)->times, 2);
	stops_clear(&stops);
}

static void the_fingerprint_grows_with_each_file_that_counts(void **state)
{
	static const char *const files[] = { "control/smarthosts/isp", "control/word",
					     "control/ca.pem", "control/smtproutes",
					     "control/replies" };
	uint64_t before = 0;

	(void)state;
	assert_int_equal(stops_fingerprint(control_fd, "isp"), 0);
	for (size_t i = 0; i < LENGTH(files); i++) {
		uint64_t after = before;

		/* Files that are written within one tick of the kernel look alike. */
		for (int tries = 0; after == before && tries < 1000; tries++) {
			put(files[i], "host isp.example\nnonsense\npasswordfile word\n"
				      "cafile ca.pem\n");
			after = stops_fingerprint(control_fd, "isp");
		}
		assert_true(after > before);
		before = after;
	}
	put("control/me", "gate.example\n");
	assert_true(stops_fingerprint(control_fd, "isp") == before);
}

/* The smarthost has a fallback, and was reached at its last try. */
static const struct {
	const char *title;
	const char *scope; /* NULL: not stopped */
	uint64_t failures;
	bool is_out;
} outs[] = {
	{ "a smarthost that is well keeps its mail", NULL, 0, false },
	{ "one that was not reached often enough is out", NULL, 3, true },
	{ "a refused place is out", "place", 0, true },
	{ "a refused login is out", "login", 0, true },
	{ "a wrong certificate is out", "certificate", 0, true },
	{ "a portal is out", "network", 0, true },
	{ "an offer that does not work is out", "peer", 0, true },
	{ "a spent quota is out", "account", 0, true },
	{ "a clock in doubt would be in doubt at the next one too", "clock", 0, false },
	{ "a pause is over before mail has moved", "session", 0, false },
};

static void out(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	char other[] = "sat";
	struct smarthost smarthost = { .fallback = other, .fallbackafter = 3 };
	struct smarthost_note note = { .failures = outs[i].failures };
	struct stop stop = stop_of(outs[i].scope ? outs[i].scope : "", "");

	assert_int_equal(fallback_is_out(&smarthost, &note, outs[i].scope ? &stop : NULL),
			 outs[i].is_out);
}

static uint64_t times(const struct stops *stops, const char *scope, const char *key)
{
	const struct stop *stop = stops_find(stops, scope, key);

	return stop ? stop->times : 0;
}

static void what_one_mail_host_notes_of_letters_is_taken_over_once(void **state)
{
	const struct stop unclear = stop_of("unclear", "1.a"),
			  held = stop_of("person", "1.a"),
			  sender = stop_of("sender", "a@x"), whole = stop_of("place", "");
	struct stops ours = { 0 }, theirs, again;
	struct err err;

	(void)state;
	stops_put(&ours, &unclear);
	stops_put(&ours, &sender);
	assert_true(stops_write(root_fd, "direct", &ours, &err));
	stops_read_for_host(root_fd, "direct", &theirs);
	assert_int_equal(theirs.count, 1);
	stops_put(&theirs, &unclear);
	stops_put(&theirs, &held);
	stops_put(&theirs, &whole);
	assert_true(stops_hand_over(root_fd, "direct", "mx.far.example", &theirs, &err));
	stops_take_over(root_fd, "direct", "mx.other.example", &ours);
	assert_int_equal(times(&ours, "unclear", "1.a"), 1);
	stops_take_over(root_fd, "direct", "mx.far.example", &ours);
	assert_int_equal(times(&ours, "unclear", "1.a"), 2);
	assert_int_equal(times(&ours, "person", "1.a"), 1);
	assert_int_equal(times(&ours, "sender", "a@x"), 1);
	assert_null(stops_smarthost(&ours));
	stops_remove(&ours, "person", "1.a");
	stops_take_over(root_fd, "direct", "mx.far.example", &ours);
	assert_null(stops_find(&ours, "person", "1.a"));
	stops_read(root_fd, "direct", &again);
	assert_int_equal(times(&again, "unclear", "1.a"), 1);
	stops_clear(&again);
	stops_clear(&theirs);
	stops_clear(&ours);
}

static void a_host_that_is_no_file_name_hands_nothing_over(void **state)
{
	const struct stop held = stop_of("person", "1.a");
	struct stops theirs = { 0 }, ours = { 0 };
	struct err err;

	(void)state;
	stops_put(&theirs, &held);
	assert_true(stops_hand_over(root_fd, "direct", "../../x", &theirs, &err));
	stops_take_over(root_fd, "direct", "../../x", &ours);
	assert_int_equal(ours.count, 0);
	stops_clear(&theirs);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	static const struct CMUnitTest others[] = {
		WITH_ROOT(what_is_written_is_read_again),
		WITH_ROOT(a_missing_or_torn_file_is_a_lost_hint),
		WITH_ROOT(what_one_mail_host_notes_of_letters_is_taken_over_once),
		WITH_ROOT(a_host_that_is_no_file_name_hands_nothing_over),
		WITH_ROOT(the_fingerprint_grows_with_each_file_that_counts),
		cmocka_unit_test(a_stop_that_is_put_again_counts_on),
		cmocka_unit_test(the_null_sender_is_a_sender),
		cmocka_unit_test(a_held_letter_has_its_own_reason),
		cmocka_unit_test(of_too_many_the_oldest_go),
		cmocka_unit_test(a_person_ends_all_but_letters_and_it_stays_on_record),
	};
	struct CMUnitTest tests[LENGTH(ends) + LENGTH(waits) + LENGTH(outs) +
				LENGTH(others)] = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < LENGTH(ends); i++)
		tests[count++] = (struct CMUnitTest){ .name = ends[i].title,
						      .test_func = end,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(waits); i++)
		tests[count++] = (struct CMUnitTest){ .name = waits[i].title,
						      .test_func = wait_of,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(outs); i++)
		tests[count++] = (struct CMUnitTest){ .name = outs[i].title,
						      .test_func = out,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(others); i++)
		tests[count++] = others[i];
	return cmocka_run_group_tests_name("stops", tests, NULL, NULL);
}
