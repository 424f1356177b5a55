#include "office.h"

#include "deliver/inject.h"

static const char *const bob[] = { "bob@clinic.example" };

/* Of a message of ours, where no gateway runs. */
static bool inject(const char *sender, const char *const *recipients, size_t count,
		   const char *text, struct err *err)
{
	return inject_message(office_fd,
			      &(struct inject){ .sender = sender,
						.recipients = recipients,
						.count = count,
						.text = span_of(text) },
			      err);
}

static void nothing_is_left_in_incoming(void)
{
	AUTO_BUF text = BUF_INIT(4096);

	assert_int_equal(office_files("spool/incoming", &text), 0);
}

static void without_a_gateway_it_is_committed_here(void **state)
{
	static const char *const both[] = { "bob@clinic.example", "far@abroad.example" };
	AUTO_BUF text = BUF_INIT(4096);
	struct err err = { 0 };

	(void)state;
	assert_true(inject("ann@clinic.example", both, 2, "Subject: x\n\nbody\n", &err));
	assert_int_equal(office_files("mail/bob/Maildir/new", &text), 1);
	assert_memory_equal(text.data,
			    "Return-Path: <ann@clinic.example>\nReceived: by gw", 49);
	assert_non_null(strstr(text.data, "\nSubject: x\n\nbody\n"));
	assert_int_equal(office_files("spool/parked/isp/new", &text), 1);
	assert_non_null(strstr(text.data, "Delivered-To: far@abroad.example\nReceived:"));
	nothing_is_left_in_incoming();
}

static void a_file_is_taken_from_its_start(void **state)
{
	AUTO_BUF text = BUF_INIT(4096);
	struct err err = { 0 };
	char name[] = "/tmp/lontar-test-XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	unlink(name);
	assert_int_equal(write(fd, "Subject: file\n\nno end", 21), 21);
	assert_true(inject_message(office_fd,
				   &(struct inject){ .sender = "",
						     .recipients = bob,
						     .count = 1,
						     .bounce = true,
						     .fd = fd },
				   &err));
	close(fd);
	assert_int_equal(office_files("mail/bob/Maildir/new", &text), 1);
	assert_string_equal(text.data, "Return-Path: <>\n"
				       "Delivered-To: bob@clinic.example\n"
				       "Subject: file\n\nno end");
}

static void one_refused_recipient_refuses_all(void **state)
{
	static const char *const both[] = { "bob@clinic.example",
					    "nobody@clinic.example" };
	AUTO_BUF text = BUF_INIT(4096);
	struct err err = { 0 };

	(void)state;
	assert_false(inject("ann@clinic.example", both, 2, "x\n", &err));
	assert_int_equal(err.kind, ERR_PERMANENT);
	assert_non_null(strstr(err.text, "nobody@clinic.example"));
	assert_int_equal(office_files("mail/bob/Maildir/new", &text), 0);
	nothing_is_left_in_incoming();
}

static void a_message_for_nobody_is_refused(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_false(inject("ann@clinic.example", NULL, 0, "x\n", &err));
	assert_int_equal(err.kind, ERR_PERMANENT);
}

static void a_place_that_cannot_be_made_is_temporary_and_leaves_nothing(void **state)
{
	static const char *const both[] = { "ann@clinic.example", "bob@clinic.example" };
	AUTO_BUF text = BUF_INIT(4096);
	struct err err = { 0 };
	int fd;

	(void)state;
	fd = openat(office_fd, "mail/bob", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	assert_false(inject("far@abroad.example", both, 2, "x\n", &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_int_equal(office_files("mail/ann/Maildir/new", &text), 0);
	nothing_is_left_in_incoming();
}

static void without_a_spool_to_write_it_says_what_to_do(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_int_equal(unlinkat(office_fd, "spool/incoming", AT_REMOVEDIR), 0);
	assert_false(inject("ann@clinic.example", bob, 1, "x\n", &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_non_null(strstr(err.text, "start `lontar run`"));
}

/* The owner of the only file in a folder below the root. */
static uid_t owner_in(const char *folder)
{
	int fd = openat(office_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fdopendir(fd);
	struct dirent *entry;
	struct stat st = { 0 };

	assert_non_null(stream);
	while (stream && (entry = readdir(stream)))
		if (entry->d_name[0] != '.')
			assert_int_equal(fstatat(fd, entry->d_name, &st, 0), 0);
	if (stream)
		closedir(stream);
	return st.st_uid;
}

static void what_root_hands_in_belongs_to_the_gateways_user(void **state)
{
	static const char *const both[] = { "bob@clinic.example", "far@abroad.example" };
	struct err err = { 0 };
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(fchownat(office_fd, "spool/incoming", 1234, 1234, 0), 0);
	assert_int_equal(fchownat(office_fd, "spool/parked", 1234, 1235, 0), 0);
	assert_true(inject("ann@clinic.example", both, 2, "x\n", &err));
	assert_int_equal(owner_in("mail/bob/Maildir/new"), 1234);
	assert_int_equal(owner_in("spool/parked/isp/new"), 1234);
	assert_int_equal(fstatat(office_fd, "mail/bob/Maildir/new", &st, 0), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(fstatat(office_fd, "spool/parked/isp/new", &st, 0), 0);
	assert_int_equal(st.st_uid, 1234);
}

#define PROMISE(name) cmocka_unit_test_setup_teardown(name, office_make, office_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROMISE(without_a_gateway_it_is_committed_here),
		PROMISE(a_file_is_taken_from_its_start),
		PROMISE(one_refused_recipient_refuses_all),
		PROMISE(a_message_for_nobody_is_refused),
		PROMISE(a_place_that_cannot_be_made_is_temporary_and_leaves_nothing),
		PROMISE(what_root_hands_in_belongs_to_the_gateways_user),
		PROMISE(without_a_spool_to_write_it_says_what_to_do),
	};

	return cmocka_run_group_tests_name("injecting", tests, NULL, NULL);
}
