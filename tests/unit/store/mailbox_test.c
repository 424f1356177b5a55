#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "store/mailbox.h"

struct place {
	char path[TEST_FOLDER_MAX];
	int root_fd;
	int box_fd; /* mail/ann/Maildir */
};

static int make_place(void **state)
{
	static const char *const folders[] = { "mail", "mail/ann", "mail/ann/Maildir",
					       "mail/ann/Maildir/new",
					       "mail/ann/Maildir/cur" };
	struct place *place = test_malloc(sizeof(*place));

	place->root_fd = test_folder_make(place->path);
	test_folder_add(place->root_fd, folders);
	place->box_fd = openat(place->root_fd, "mail/ann/Maildir", O_RDONLY | O_CLOEXEC);
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;
	int failed = test_folder_remove(place->path);

	close(place->root_fd);
	close(place->box_fd);
	test_free(place);
	return failed;
}

static void put(const struct place *place, const char *name, const char *text, size_t len)
{
	int fd = openat(place->box_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	struct err err;

	assert_true(fd >= 0);
	assert_true(file_write(fd, text, len, &err));
	close(fd);
}

static void put_text(const struct place *place, const char *name, const char *text)
{
	put(place, name, text, strlen(text));
}

static bool is_there(const struct place *place, const char *name)
{
	return faccessat(place->box_fd, name, F_OK, 0) == 0;
}

static struct mailbox *open_listed(const struct place *place)
{
	struct err err;
	struct mailbox *mailbox = mailbox_open(place->root_fd, "ann", &err);

	assert_non_null(mailbox);
	assert_true(mailbox_list(mailbox, &err));
	return mailbox;
}

static void assert_uid(const struct mailbox *mailbox, size_t index, const char *expected)
{
	char uid[MAILBOX_UID_MAX];

	assert_string_equal(mailbox_uid(mailbox, index, uid), expected);
}

static void assert_reads(struct mailbox *mailbox, size_t index, const char *expected)
{
	char text[64];
	struct err err = { 0 };
	int fd = mailbox_read(mailbox, index, &err);
	ssize_t got;

	if (fd < 0)
		fail_msg("%s", err.text);
	got = read(fd, text, sizeof(text) - 1);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, expected);
	close(fd);
}

static void messages_are_in_order_of_arrival(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;

	put_text(place, "new/1700000010.M000001P9Q1.h", "c\n");
	put_text(place, "cur/999999999.M1P1Q1.h:2,S", "a\n");
	put_text(place, "new/1700000009.M999999P9Q10.h,S=2,W=3", "b\n");
	put_text(place, "cur/1700000010.M000001P9Q12.h:2,", "e\n");
	put_text(place, "new/1700000010.M000001P9Q2.h", "d\n");
	mailbox = open_listed(place);
	assert_int_equal(mailbox_count(mailbox), 5);
	assert_uid(mailbox, 0, "999999999.M1P1Q1.h");
	assert_uid(mailbox, 1, "1700000009.M999999P9Q10.h");
	assert_uid(mailbox, 4, "1700000010.M000001P9Q12.h");
	for (size_t i = 0; i < 5; i++)
		assert_reads(mailbox, i,
			     (const char *[]){ "a\n", "b\n", "c\n", "d\n", "e\n" }[i]);
	mailbox_close(mailbox);
}

static void only_messages_are_listed(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;

	put_text(place, "new/.hidden", "x");
	put_text(place, "new/:2,S", "x");
	put_text(place, "new/,W=1", "x");
	assert_int_equal(mkdirat(place->box_fd, "new/folder", 0700), 0);
	assert_int_equal(symlinkat("/etc/passwd", place->box_fd, "new/1.link"), 0);
	mailbox = open_listed(place);
	assert_int_equal(mailbox_count(mailbox), 0);
	mailbox_close(mailbox);
}

static void sizes_come_from_the_name_or_are_counted(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	static const struct {
		const char *name;
		const char *text;
		size_t len;
		uint64_t octets;
	} rows[] = {
		{ "new/1.a,S=9,W=12345", "short\n", 6, 12345 },
		{ "new/2.b", "one\ntwo\n", 8, 10 },
		{ "new/3.c", "no end", 6, 8 },
		{ "new/4.d", "", 0, 0 },
		{ "new/5.e", "foreign\r\nends\r\n", 15, 15 },
		{ "new/6.f", "n\0l\n", 4, 5 },
		{ "new/7.g", ".\n", 2, 3 }, /* a doubled dot is not counted */
		{ "new/8.h,W=x", "\n", 1, 2 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		put(place, rows[i].name, rows[i].text, rows[i].len);
	mailbox = open_listed(place);
	assert_int_equal(mailbox_count(mailbox), LENGTH(rows));
	for (size_t i = 0; i < LENGTH(rows); i++)
		assert_int_equal(mailbox_octets(mailbox, i), rows[i].octets);
	mailbox_close(mailbox);
}

static void a_large_message_is_counted_to_its_end(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	size_t len = 300000;
	char *text = test_malloc(len);

	memset(text, 'x', len);
	for (size_t i = 0; i < len; i += 3)
		text[i] = '\n';
	put(place, "new/1.a", text, len);
	mailbox = open_listed(place);
	assert_int_equal(mailbox_octets(mailbox, 0), len + len / 3 + 2);
	mailbox_close(mailbox);
	test_free(text);
}

static void an_id_that_no_reply_may_have_gets_a_steady_stand_in(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	char long_name[120] = "new/2.", first[MAILBOX_UID_MAX], again[MAILBOX_UID_MAX];

	memset(long_name + 6, 'x', 100);
	put_text(place, "new/1.with blank\xff", "a\n");
	put_text(place, long_name, "b\n");
	long_name[105] = 'y';
	put_text(place, long_name, "c\n");
	mailbox = open_listed(place);
	assert_int_equal(mailbox_count(mailbox), 3);
	for (size_t i = 0; i < 3; i++) {
		mailbox_uid(mailbox, i, first);
		assert_true(strlen(first) <= 70);
		for (const char *at = first; *at; at++)
			assert_true(*at >= 0x21 && *at <= 0x7e);
	}
	mailbox_uid(mailbox, 1, again);
	assert_string_not_equal(first, again);
	mailbox_close(mailbox);

	mailbox = open_listed(place);
	assert_string_equal(mailbox_uid(mailbox, 2, again), first);
	assert_reads(mailbox, 2, "c\n");
	mailbox_close(mailbox);
}

static void a_message_moved_by_another_reader_is_found_again(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	struct err err;

	put_text(place, "new/1.a,S=2,W=3", "a\n");
	put_text(place, "new/2.b,S=2,W=3", "b\n");
	put_text(place, "cur/3.c:2,", "c\n");
	mailbox = open_listed(place);
	assert_int_equal(renameat(place->box_fd, "new/1.a,S=2,W=3", place->box_fd,
				  "cur/1.a,S=2,W=3:2,S"),
			 0);
	assert_int_equal(
		renameat(place->box_fd, "cur/3.c:2,", place->box_fd, "cur/3.c:2,FS"), 0);
	put_text(place, "new/0.later", "z\n");
	assert_reads(mailbox, 0, "a\n");
	assert_reads(mailbox, 1, "b\n");
	assert_reads(mailbox, 2, "c\n");
	assert_true(mailbox_remove(mailbox, 2, &err));
	assert_true(mailbox_remove(mailbox, 0, &err));
	assert_true(mailbox_sync(mailbox, &err));
	assert_false(is_there(place, "cur/3.c:2,FS"));
	assert_false(is_there(place, "cur/1.a,S=2,W=3:2,S"));
	assert_true(is_there(place, "new/2.b,S=2,W=3"));
	assert_true(is_there(place, "new/0.later"));
	mailbox_close(mailbox);
}

static void a_message_in_both_folders_is_listed_once(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;

	put_text(place, "new/1.a,S=4,W=5", "old\n");
	put_text(place, "new/1.a-b", "other\n");
	put_text(place, "cur/1.a:2,S", "new\n");
	mailbox = open_listed(place);
	assert_int_equal(mailbox_count(mailbox), 2);
	assert_reads(mailbox, 0, "new\n");
	assert_reads(mailbox, 1, "other\n");
	mailbox_close(mailbox);
}

static void a_message_that_is_gone_fails_alone(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	struct err err = { 0 };

	put_text(place, "new/1.a", "a\n");
	put_text(place, "new/2.b", "b\n");
	mailbox = open_listed(place);
	assert_int_equal(unlinkat(place->box_fd, "new/1.a", 0), 0);
	assert_int_equal(mailbox_read(mailbox, 0, &err), -1);
	assert_int_equal(err.exit_code, EX_NOINPUT);
	assert_reads(mailbox, 1, "b\n");
	assert_true(mailbox_remove(mailbox, 0, &err));
	assert_true(mailbox_remove(mailbox, 1, &err));
	assert_true(mailbox_remove(mailbox, 1, &err));
	mailbox_close(mailbox);
}

static void something_put_in_a_messages_place_is_not_read(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	struct err err = { 0 };

	put_text(place, "new/1.a,W=3", "a\n");
	put_text(place, "new/2.b,W=3", "b\n");
	mailbox = open_listed(place);
	assert_int_equal(unlinkat(place->box_fd, "new/1.a,W=3", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", place->box_fd, "new/1.a,W=3"), 0);
	assert_int_equal(mailbox_read(mailbox, 0, &err), -1);
	assert_int_equal(unlinkat(place->box_fd, "new/2.b,W=3", 0), 0);
	assert_int_equal(mkfifoat(place->box_fd, "new/2.b,W=3", 0600), 0);
	assert_int_equal(mailbox_read(mailbox, 1, &err), -1);
	mailbox_close(mailbox);
}

static void one_reader_at_a_time_has_the_lock(void **state)
{
	struct place *place = *state;
	struct err err = { 0 };
	struct mailbox *first = mailbox_open(place->root_fd, "ann", &err);
	struct mailbox *second = mailbox_open(place->root_fd, "ann", &err);

	assert_true(mailbox_lock(first, &err));
	assert_false(mailbox_lock(second, &err));
	assert_int_equal(err.exit_code, EX_TEMPFAIL);
	mailbox_unlock(first);
	assert_true(mailbox_lock(second, &err));
	mailbox_close(second);
	assert_true(mailbox_lock(first, &err));
	mailbox_close(first);
}

static void a_mailbox_that_nothing_was_delivered_to_is_told_apart(void **state)
{
	struct place *place = *state;
	struct mailbox *mailbox;
	struct err err = { 0 };

	assert_null(mailbox_open(place->root_fd, "bob", &err));
	assert_int_equal(err.exit_code, EX_NOINPUT);
	assert_int_equal(unlinkat(place->box_fd, "cur", AT_REMOVEDIR), 0);
	put_text(place, "new/1.a", "a\n");
	mailbox = open_listed(place);
	assert_int_equal(mailbox_count(mailbox), 1);
	assert_true(mailbox_sync(mailbox, &err));
	mailbox_close(mailbox);
}

static void no_name_leads_out_of_the_mail_folder(void **state)
{
	static const char *const names[] = {
		"", ".", "..", "../mail/ann", "ann/.", "/etc"
	};
	struct place *place = *state;
	struct err err = { 0 };

	for (size_t i = 0; i < LENGTH(names); i++) {
		assert_null(mailbox_open(place->root_fd, names[i], &err));
		assert_int_equal(err.exit_code, EX_USAGE);
	}
	assert_int_equal(symlinkat("ann", place->root_fd, "mail/eve"), 0);
	assert_null(mailbox_open(place->root_fd, "eve", &err));
	assert_int_not_equal(err.exit_code, EX_NOINPUT);
	assert_int_equal(mkdirat(place->root_fd, "mail/mel", 0700), 0);
	assert_int_equal(symlinkat("../ann/Maildir", place->root_fd, "mail/mel/Maildir"),
			 0);
	assert_null(mailbox_open(place->root_fd, "mel", &err));
	assert_int_not_equal(err.exit_code, EX_NOINPUT);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		IN_PLACE(messages_are_in_order_of_arrival),
		IN_PLACE(only_messages_are_listed),
		IN_PLACE(sizes_come_from_the_name_or_are_counted),
		IN_PLACE(a_large_message_is_counted_to_its_end),
		IN_PLACE(an_id_that_no_reply_may_have_gets_a_steady_stand_in),
		IN_PLACE(a_message_moved_by_another_reader_is_found_again),
		IN_PLACE(a_message_in_both_folders_is_listed_once),
		IN_PLACE(a_message_that_is_gone_fails_alone),
		IN_PLACE(something_put_in_a_messages_place_is_not_read),
		IN_PLACE(one_reader_at_a_time_has_the_lock),
		IN_PLACE(a_mailbox_that_nothing_was_delivered_to_is_told_apart),
		IN_PLACE(no_name_leads_out_of_the_mail_folder),
	};

	return cmocka_run_group_tests_name("mailbox", tests, NULL, NULL);
}
