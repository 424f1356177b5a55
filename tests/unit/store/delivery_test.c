#include "../folder.h"

#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "mail/envelope.h"
#include "store/delivery.h"
#include "store/incoming.h"
#include "store/parked.h"

static const char body[] = "Subject: hello\n\nfirst\nlast\n";
#define BODY_LINES 4

static char root[TEST_FOLDER_MAX];

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/incoming", "spool/parked",
					       "mail", "run" };
	int *root_fd = test_malloc(sizeof(int));

	*root_fd = test_folder_make(root);
	test_folder_add(*root_fd, folders);
	*state = root_fd;
	return 0;
}

static int remove_root(void **state)
{
	close(*(int *)*state);
	test_free(*state);
	return test_folder_remove(root);
}

/* The only file in a folder, its text appended to out; the number of files there. */
static unsigned read_folder(int root_fd, const char *folder, char name_out[256],
			    struct buf *out)
{
	int fd = openat(root_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	unsigned count = 0;
	struct err err;

	while (stream && (entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(name_out, 256, "%s", entry->d_name);
		buf_reset(out);
		assert_true(file_read(fd, entry->d_name, out, &err));
	}
	if (stream)
		closedir(stream);
	return count;
}

static void write_body(struct delivery *delivery, struct err *err)
{
	int draft = delivery_open(delivery, "gw", span_of("Received: by gw; now\n"),
				  strlen(body), err);

	assert_true(draft >= 0);
	assert_true(file_write(draft, body, strlen(body), err));
	close(draft);
}

static void commit(struct delivery *delivery)
{
	struct err err;

	write_body(delivery, &err);
	assert_true(delivery_seal(delivery, strlen(body), BODY_LINES, false, 7, &err));
	assert_true(delivery_commit_alone(delivery, &err));
	delivery_free(delivery);
}

static void one_mailbox_gets_the_draft_itself_with_its_trace(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	AUTO_BUF text = BUF_INIT(4096);
	char name[256], expected[64];

	assert_true(delivery_add(delivery, DELIVERY_MAILBOX, "bob", "Bob@a.example"));
	commit(delivery);
	assert_int_equal(read_folder(root_fd, "mail/bob/Maildir/new", name, &text), 1);
	assert_string_equal(text.data, "Return-Path: <ann@a.example>\n"
				       "Delivered-To: Bob@a.example\n"
				       "Received: by gw; now\n"
				       "Subject: hello\n\nfirst\nlast\n");
	snprintf(expected, sizeof(expected), ",S=%zu,W=%zu", text.len,
		 text.len + 3 + BODY_LINES);
	assert_non_null(strstr(name, expected));
	assert_int_equal(read_folder(root_fd, "spool/incoming", name, &text), 0);
}

static void two_mailboxes_share_one_file_that_names_neither(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	AUTO_BUF text = BUF_INIT(4096);
	char name[256], path[300];
	struct stat one, other;

	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	delivery_add(delivery, DELIVERY_MAILBOX, "eve", "eve@a.example");
	assert_false(delivery_add(delivery, DELIVERY_MAILBOX, "bob", "root@a.example"));
	commit(delivery);
	assert_int_equal(read_folder(root_fd, "mail/bob/Maildir/new", name, &text), 1);
	assert_null(strstr(text.data, "Delivered-To"));
	snprintf(path, sizeof(path), "mail/bob/Maildir/new/%s", name);
	assert_int_equal(fstatat(root_fd, path, &one, 0), 0);
	assert_int_equal(read_folder(root_fd, "mail/eve/Maildir/new", name, &text), 1);
	snprintf(path, sizeof(path), "mail/eve/Maildir/new/%s", name);
	assert_int_equal(fstatat(root_fd, path, &other, 0), 0);
	assert_int_equal(one.st_ino, other.st_ino);
}

static void recipients_of_one_smarthost_share_one_parked_file(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "");
	struct err err;
	struct parked *parked;
	struct parked_list list;
	struct envelope envelope;
	char text[64];
	int fd;

	delivery_add(delivery, DELIVERY_PARKED, "isp", "x@far.example");
	delivery_add(delivery, DELIVERY_PARKED, "isp", "y@far.example");
	assert_false(delivery_add(delivery, DELIVERY_PARKED, "isp", "x@far.example"));
	commit(delivery);
	parked = parked_open(root_fd, "isp", false, &err);
	assert_non_null(parked);
	assert_true(parked_list(parked, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.names[0].recipients, 2);
	assert_int_equal(list.names[0].link_up_s, 7);
	assert_int_equal(list.names[0].wire_bytes, strlen("Received: by gw; now\n") + 1 +
							   strlen(body) + BODY_LINES);
	fd = parked_read(parked, &list.names[0], &envelope, &err);
	assert_true(fd >= 0);
	assert_string_equal(envelope.sender, "");
	assert_string_equal(envelope.recipients[1].address, "y@far.example");
	assert_int_equal(pread(fd, text, 20, envelope.body), 20);
	assert_memory_equal(text, "Received: by gw; now", 20);

	assert_true(parked_settle(parked, fd, &envelope.recipients[0], &err));
	close(fd);
	envelope_clear(&envelope);
	fd = parked_read(parked, &list.names[0], &envelope, &err);
	assert_true(envelope.recipients[0].settled);
	assert_false(envelope.recipients[1].settled);
	close(fd);
	envelope_clear(&envelope);
	parked_list_clear(&list);
	parked_close(parked);
}

static void a_colleague_and_the_outside_get_files_of_their_own(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	AUTO_BUF text = BUF_INIT(4096);
	char name[256];

	delivery_add(delivery, DELIVERY_PARKED, "isp", "x@far.example");
	delivery_add(delivery, DELIVERY_PARKED, "sat", "y@sea.example");
	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	commit(delivery);
	assert_int_equal(read_folder(root_fd, "mail/bob/Maildir/new", name, &text), 1);
	assert_int_equal(read_folder(root_fd, "spool/parked/isp/new", name, &text), 1);
	assert_string_equal(text.data, "Return-Path: <ann@a.example>\n"
				       "Delivered-To: x@far.example\n"
				       "Received: by gw; now\n"
				       "Subject: hello\n\nfirst\nlast\n");
	assert_int_equal(read_folder(root_fd, "spool/parked/sat/new", name, &text), 1);
	assert_non_null(strstr(text.data, "Delivered-To: y@sea.example\n"));
	assert_int_equal(read_folder(root_fd, "spool/incoming", name, &text), 0);
}

static void more_than_a_hundred_recipients_make_more_files(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	struct parked_list list;
	struct parked *parked;
	struct err err;

	for (unsigned i = 0; i < 250; i++) {
		char address[64];

		snprintf(address, sizeof(address), "r%u@far.example", i);
		assert_true(delivery_add(delivery, DELIVERY_PARKED, "isp", address));
	}
	commit(delivery);
	parked = parked_open(root_fd, "isp", false, &err);
	assert_true(parked_list(parked, &list, &err));
	assert_int_equal(list.count, 3);
	parked_list_clear(&list);
	parked_close(parked);
}

static void by_domain_each_domain_has_a_file_of_its_own(void **state)
{
	static const char *const people[] = { "a@far.example", "b@sea.example",
					      "c@FAR.example", "d@sea.example" };
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");

	for (size_t i = 0; i < LENGTH(people); i++)
		assert_true(delivery_add_by_domain(delivery, "direct", people[i]));
	assert_false(delivery_add_by_domain(delivery, "direct", "b@sea.example"));
	assert_int_equal(delivery->count, 2);
	assert_string_equal(delivery->targets[0].recipients[1], "c@FAR.example");
	assert_string_equal(delivery->targets[1].recipients[1], "d@sea.example");
	delivery_free(delivery);
}

static void a_draft_that_somebody_can_still_write_is_not_committed(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	struct err err;
	int draft;

	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	draft = delivery_open(delivery, "gw", span_of(""), 0, &err);
	assert_true(draft >= 0);
	assert_false(delivery_seal(delivery, 0, 0, false, 0, &err));
	assert_int_equal(err.kind, ERR_TEMPORARY);
	close(draft);
	delivery_undo(delivery);
	delivery_free(delivery);
}

static void a_head_that_was_changed_is_not_committed(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	struct err err;
	int draft;

	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	draft = delivery_open(delivery, "gw", span_of(""), 0, &err);
	assert_true(draft >= 0);
	assert_int_equal(ftruncate(draft, 0), 0);
	assert_true(file_write(draft, "Return-Path: <forged@a.example>\n", 32, &err));
	close(draft);
	assert_false(delivery_seal(delivery, 32, 1, false, 0, &err));
	delivery_undo(delivery);
	delivery_free(delivery);
}

static void a_second_try_after_a_failed_one_writes_one_head(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	AUTO_BUF text = BUF_INIT(4096);
	char name[256];
	struct err err;

	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	assert_int_equal(renameat(root_fd, "spool/incoming", root_fd, "spool/away"), 0);
	assert_int_equal(delivery_open(delivery, "gw", span_of("Received: x\n"), 0, &err),
			 -1);
	assert_int_equal(err.kind, ERR_TEMPORARY);
	assert_int_equal(renameat(root_fd, "spool/away", root_fd, "spool/incoming"), 0);
	commit(delivery);
	assert_int_equal(read_folder(root_fd, "mail/bob/Maildir/new", name, &text), 1);
	assert_string_equal(text.data, "Return-Path: <ann@a.example>\n"
				       "Delivered-To: bob@a.example\n"
				       "Received: by gw; now\n"
				       "Subject: hello\n\nfirst\nlast\n");
}

static void a_size_that_no_disk_has_is_refused(void **state)
{
	struct delivery *delivery = delivery_new(*(int *)*state, "ann@a.example");
	struct err err;

	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	for (uint64_t size = UINT64_MAX; size > UINT64_MAX - 6000000; size -= 1000000) {
		assert_int_equal(delivery_open(delivery, "gw", span_of(""), size, &err),
				 -1);
		assert_string_equal(err.status, "4.3.1");
	}
	delivery_free(delivery);
}

static const struct {
	const char *text;
	uint64_t lines;
	bool unended, right;
} counts[] = {
	{ "a\nb\n", 2, false, true }, { "a\nb\n", 3, false, false },
	{ "a\nb\n", 2, true, false }, { "a\nb", 1, true, true },
	{ "a\nb", 1, false, false },  { "", 0, false, true },
	{ "a\r\n", 1, false, false }, { "a\rb\n", 1, false, true },
};

static void what_a_stranger_counted_is_counted_again(void **state)
{
	for (size_t i = 0; i < LENGTH(counts); i++) {
		struct delivery *delivery = delivery_new(*(int *)*state, "");
		size_t len = strlen(counts[i].text);
		struct err err;
		int draft;

		delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
		draft = delivery_open(delivery, "gw", span_of(""), 0, &err);
		assert_true(file_write(draft, counts[i].text, len, &err));
		close(draft);
		assert_true(delivery_seal(delivery, len, counts[i].lines,
					  counts[i].unended, 0, &err));
		assert_int_equal(delivery_recount(delivery, counts[i].lines,
						  counts[i].unended, &err),
				 counts[i].right);
		delivery_undo(delivery);
		delivery_free(delivery);
	}
}

static void what_was_never_acknowledged_is_gone_after_a_start(void **state)
{
	int root_fd = *(int *)*state;
	struct delivery *delivery = delivery_new(root_fd, "ann@a.example");
	AUTO_BUF text = BUF_INIT(4096);
	char name[256];
	struct err err;
	int user;

	delivery_add(delivery, DELIVERY_MAILBOX, "bob", "bob@a.example");
	write_body(delivery, &err);
	delivery_free(delivery);
	user = incoming_use(root_fd, &err);
	assert_true(incoming_clear(root_fd, &err));
	assert_int_equal(read_folder(root_fd, "spool/incoming", name, &text), 1);
	close(user);
	assert_true(incoming_clear(root_fd, &err));
	assert_int_equal(read_folder(root_fd, "spool/incoming", name, &text), 0);
}

#define PROMISE(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROMISE(one_mailbox_gets_the_draft_itself_with_its_trace),
		PROMISE(two_mailboxes_share_one_file_that_names_neither),
		PROMISE(recipients_of_one_smarthost_share_one_parked_file),
		PROMISE(a_colleague_and_the_outside_get_files_of_their_own),
		PROMISE(more_than_a_hundred_recipients_make_more_files),
		PROMISE(by_domain_each_domain_has_a_file_of_its_own),
		PROMISE(a_draft_that_somebody_can_still_write_is_not_committed),
		PROMISE(a_head_that_was_changed_is_not_committed),
		PROMISE(a_second_try_after_a_failed_one_writes_one_head),
		PROMISE(a_size_that_no_disk_has_is_refused),
		PROMISE(what_a_stranger_counted_is_counted_again),
		PROMISE(what_was_never_acknowledged_is_gone_after_a_start),
	};

	return cmocka_run_group_tests_name("deliveries", tests, NULL, NULL);
}
