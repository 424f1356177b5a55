#include "../../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "link/stops.h"
#include "programs/lontar-link/turn.h"

static char folder[TEST_FOLDER_MAX];
static int root_fd, control_fd;
static struct settings settings;
static int64_t now;

static void put(const char *path, const char *text)
{
	struct err err;

	assert_true(file_replace(root_fd, path, text, strlen(text), 0600, &err));
}

static void set_link(bool up, int64_t since)
{
	struct link_note note = { .name = "ppp0", .up = up, .since = since };
	struct err err;

	clock_boot_id(note.boot_id);
	assert_true(link_note_write(root_fd, &note, &err));
}

static int make_root(void **state)
{
	static const char *const folders[] = { "spool",
					       "spool/state",
					       "spool/parked",
					       "spool/parked/isp",
					       "spool/parked/isp/tmp",
					       "spool/parked/isp/new",
					       "spool/parked/isp/cur",
					       "control",
					       "control/smarthosts",
					       "control/links" };
	struct err err;

	(void)state;
	now = clock_wall_s();
	root_fd = test_folder_make(folder);
	test_folder_add(root_fd, folders);
	control_fd = file_open_dir(root_fd, "control", &err);
	put("control/me", "gate.example\n");
	put("control/smarthosts/isp", "host mail.isp.example\n");
	settings = (struct settings){ 0 };
	assert_true(settings_load(control_fd, &settings, &err));
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	settings_clear(&settings);
	close(control_fd);
	close(root_fd);
	return test_folder_remove(folder);
}

static void park(const char *facts)
{
	char path[200];

	snprintf(path, sizeof(path), "spool/parked/isp/new/%lld.M1P1.x,S=9,W=9%s",
		 (long long)now, facts);
	put(path, "Return-Path: <>\nDelivered-To: a@b\n\nx\n");
}

/* Put a moment ago, over the link that came up at now - 60. */
static void put_stop(const char *scope, const char *key, int64_t until)
{
	struct stop stop = { .since = now - 10, .until = until, .link_since = now - 60 };
	struct stops stops;
	struct err err;

	snprintf(stop.scope, sizeof(stop.scope), "%s", scope);
	snprintf(stop.key, sizeof(stop.key), "%s", key);
	stops_read(root_fd, "isp", &stops);
	stops_put(&stops, &stop);
	assert_true(stops_write(root_fd, "isp", &stops, &err));
	stops_clear(&stops);
}

static struct turn turn_of(unsigned failures, bool has_sent)
{
	return (struct turn){ .root_fd = root_fd,
			      .control_fd = control_fd,
			      .settings = &settings,
			      .smarthost = "isp",
			      .failures = failures,
			      .has_sent = has_sent };
}

/* Seconds that have passed since `now` count as well. */
static void assert_about(double wait, double seconds)
{
	if (wait < seconds - 2 || wait > seconds)
		fail_msg("%g s, not %g", wait, seconds);
}

static void nothing_is_begun_while_no_link_is_up(void **state)
{
	struct turn turn = turn_of(0, false);

	(void)state;
	park("");
	assert_false(turn_may_go(&turn));
	assert_true(turn_after(&turn) == TURN_NEVER);
}

static void mail_is_begun_while_one_is(void **state)
{
	struct turn turn = turn_of(0, false);

	(void)state;
	set_link(true, now - 60);
	park("");
	assert_true(turn_may_go(&turn));
	assert_about(turn_after(&turn), 5);
	turn.has_sent = true;
	assert_about(turn_after(&turn), 1);
	turn.failures = 3;
	assert_about(turn_after(&turn), 120);
	turn.failures = 30;
	assert_about(turn_after(&turn), 900);
}

static void without_mail_nothing_is_planned(void **state)
{
	struct turn turn = turn_of(0, false);

	(void)state;
	set_link(true, now - 60);
	assert_true(turn_after(&turn) == TURN_NEVER);
	put_stop("place", "", now + 900);
	assert_true(turn_after(&turn) == TURN_NEVER);
}

static void a_stop_keeps_it_and_is_looked_at(void **state)
{
	struct turn turn = turn_of(0, false);

	(void)state;
	set_link(true, now - 60);
	park("");
	put_stop("place", "", now + 900);
	assert_false(turn_may_go(&turn));
	assert_about(turn_after(&turn), 5);
	put_stop("place", "", now + 4);
	assert_about(turn_after(&turn), 4);
	/* Another link-up. */
	set_link(true, now - 1);
	assert_true(turn_may_go(&turn));
	/* Without a link there is nothing to look at. */
	put_stop("account", "", now + 900);
	set_link(false, now);
	assert_true(turn_after(&turn) == TURN_NEVER);
}

static void a_stop_of_a_sender_keeps_no_flush_from_others(void **state)
{
	struct turn turn = turn_of(0, false);

	(void)state;
	set_link(true, now - 60);
	park("");
	put_stop("sender", "ann@gate.example", now + 900);
	assert_true(turn_may_go(&turn));
	/* The last one sent nothing: what is left is theirs, as far as is known. */
	assert_about(turn_after(&turn), 300);
	put_stop("sender", "bob@gate.example", now + 40);
	assert_about(turn_after(&turn), 40);
	turn.has_sent = true;
	assert_about(turn_after(&turn), 1);
}

static void other_mail_has_its_turn_before_a_sender_s_stop_ends(void **state)
{
	struct turn turn = turn_of(0, false);
	char later[40];

	(void)state;
	set_link(true, now - 60);
	park("");
	snprintf(later, sizeof(later), ",A=1,N=%lld", (long long)now + 70);
	park(later);
	put_stop("sender", "ann@gate.example", now + 900);
	assert_about(turn_after(&turn), 70);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_ROOT(nothing_is_begun_while_no_link_is_up),
		WITH_ROOT(mail_is_begun_while_one_is),
		WITH_ROOT(without_mail_nothing_is_planned),
		WITH_ROOT(a_stop_keeps_it_and_is_looked_at),
		WITH_ROOT(a_stop_of_a_sender_keeps_no_flush_from_others),
		WITH_ROOT(other_mail_has_its_turn_before_a_sender_s_stop_ends),
	};

	return cmocka_run_group_tests_name("turns of flushes", tests, NULL, NULL);
}
