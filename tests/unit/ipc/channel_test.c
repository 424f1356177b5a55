#include "../folder.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../descriptors.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/packet.h"

/* The name of a folder as long as one may be; two of them are beyond sun_path. */
#define LONG_NAME                                                                  \
	"a-very-long-name-of-a-folder-that-somebody-chose-for-his-mail-gateway-so" \
	"-that-no-socket-address-has-room-for-the-path-of-a-socket-below-it-at-all"

struct root {
	char path[TEST_FOLDER_MAX];
	int fd; /* LONG_NAME below it */
};

static int make_root(void **state)
{
	static const char *const folders[] = { LONG_NAME, LONG_NAME "/run" };
	struct root *root = must_alloc(sizeof(*root));
	AUTO_FD top_fd = test_folder_make(root->path);
	struct err err;

	test_folder_add(top_fd, folders);
	root->fd = file_open_dir(top_fd, LONG_NAME, &err);
	assert_true(root->fd >= 0);
	*state = root;
	return 0;
}

static int remove_root(void **state)
{
	struct root *root = *state;
	int failed = test_folder_remove(root->path);

	file_close(&root->fd);
	free(root);
	return failed;
}

static void programs_meet_below_any_path(void **state)
{
	struct root *root = *state;
	struct err err = { 0 };
	AUTO_FD listener = channel_listen(root->fd, "auth", 0666, &err);
	AUTO_FD one = channel_connect(root->fd, "auth", &err);
	AUTO_FD other = -1;
	AUTO_BUF out = BUF_INIT(PACKET_MAX), in = BUF_INIT(PACKET_MAX);
	struct stat st;
	uid_t uid;
	pid_t pid;

	if (one < 0)
		fail_msg("%s", err.text);
	assert_int_equal(fstatat(root->fd, "run/auth", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	other = accept(listener, NULL, NULL);
	packet_begin(&out, 5, 6);
	packet_put_text(&out, span_of("hello"));
	assert_true(channel_send(one, &out, -1, &err));
	assert_int_equal(channel_wait(other, 10000, &in, NULL), CHANNEL_PACKET);
	assert_int_equal(in.len, out.len);
	assert_memory_equal(in.data, out.data, out.len);
	assert_true(channel_peer(other, &uid, &pid, &err));
	assert_int_equal(uid, geteuid());
	assert_int_equal(pid, getpid());
}

static void nobody_there_is_told_as_such(void **state)
{
	struct root *root = *state;
	struct err err = { 0 };
	int stale;

	assert_int_equal(channel_connect(root->fd, "auth", &err), -1);
	assert_int_equal(err_exit_code(&err), EX_UNAVAILABLE);
	stale = channel_listen(root->fd, "auth", 0600, &err);
	close(stale);
	assert_int_equal(channel_connect(root->fd, "auth", &err), -1);
	assert_int_equal(err_exit_code(&err), EX_UNAVAILABLE);
	assert_int_equal(err.kind, ERR_TEMPORARY);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct root *root = *state;
	struct err err = { 0 };
	AUTO_FD first = channel_listen(root->fd, "auth", 0600, &err);
	AUTO_FD second = -1;

	assert_true(first >= 0);
	file_close(&first);
	second = channel_listen(root->fd, "auth", 0600, &err);
	assert_true(second >= 0);
}

static void a_descriptor_crosses(void **state)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX), in = BUF_INIT(PACKET_MAX);
	size_t before = open_descriptors();
	struct err err = { 0 };
	int pair[2], pipes[2], got;
	char byte = 0;

	(void)state;
	assert_true(file_socketpair(pair, &err));
	assert_int_equal(pipe(pipes), 0);
	packet_begin(&out, 1, 2);
	assert_true(channel_send(pair[0], &out, pipes[1], &err));
	assert_true(channel_send(pair[0], &out, pipes[1], &err));
	close(pipes[1]);
	assert_int_equal(channel_receive(pair[1], &in, &got), CHANNEL_PACKET);
	assert_int_equal(fcntl(got, F_GETFD), FD_CLOEXEC);
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	/* Not wanted: closed, not leaked. */
	assert_int_equal(channel_receive(pair[1], &in, NULL), CHANNEL_PACKET);
	close(got);
	close(pipes[0]);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_descriptors(), before);
}

/* As a hostile peer would: `count` descriptors with one packet of `len` bytes. */
static void send_raw(int fd, size_t len, size_t count)
{
	static char bytes[2 * PACKET_MAX];
	union {
		char bytes[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr aligned;
	} control = { 0 };
	struct iovec piece = { bytes, len };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	int room = 1 << 20;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	if (count) {
		struct cmsghdr *rights;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(count * sizeof(int));
		for (size_t i = 0; i < count; i++)
			memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &message, 0), len);
}

static void more_descriptors_than_asked_for_do_not_leak(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	size_t before = open_descriptors();
	struct err err = { 0 };
	int pair[2], got;

	(void)state;
	assert_true(file_socketpair(pair, &err));
	for (size_t count = 1; count <= 16; count++) {
		send_raw(pair[0], 8, count);
		assert_int_equal(channel_receive(pair[1], &in, &got), CHANNEL_PACKET);
		assert_true(got >= 0);
		close(got);
	}
	send_raw(pair[0], PACKET_MAX + 1, 3);
	assert_int_equal(channel_receive(pair[1], &in, &got), CHANNEL_CLOSED);
	assert_int_equal(got, -1);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(open_descriptors(), before);
}

static void the_largest_packet_fits_and_a_larger_one_ends_it(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct err err = { 0 };
	int pair[2];

	(void)state;
	assert_true(file_socketpair(pair, &err));
	send_raw(pair[0], PACKET_MAX, 0);
	assert_int_equal(channel_receive(pair[1], &in, NULL), CHANNEL_PACKET);
	assert_int_equal(in.len, PACKET_MAX);
	send_raw(pair[0], PACKET_MAX + 1, 0);
	assert_int_equal(channel_receive(pair[1], &in, NULL), CHANNEL_CLOSED);
	close(pair[0]);
	close(pair[1]);
}

static void silence_and_the_end_are_told_apart(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX), out = BUF_INIT(PACKET_MAX);
	struct err err = { 0 };
	int pair[2], got = 99;

	(void)state;
	assert_true(file_socketpair(pair, &err));
	assert_int_equal(channel_wait(pair[1], 0, &in, &got), CHANNEL_EMPTY);
	assert_int_equal(got, -1);
	assert_int_equal(channel_wait(pair[1], 20, &in, NULL), CHANNEL_EMPTY);
	packet_begin(&out, 1, 2);
	assert_true(channel_send(pair[0], &out, -1, &err));
	close(pair[0]);
	assert_int_equal(channel_wait(pair[1], -1, &in, NULL), CHANNEL_PACKET);
	assert_int_equal(channel_wait(pair[1], -1, &in, NULL), CHANNEL_CLOSED);
	assert_false(channel_send(pair[1], &out, -1, &err)); /* and no SIGPIPE */
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(programs_meet_below_any_path, make_root,
						remove_root),
		cmocka_unit_test_setup_teardown(nobody_there_is_told_as_such, make_root,
						remove_root),
		cmocka_unit_test_setup_teardown(a_stale_socket_is_replaced, make_root,
						remove_root),
		cmocka_unit_test(a_descriptor_crosses),
		cmocka_unit_test(more_descriptors_than_asked_for_do_not_leak),
		cmocka_unit_test(the_largest_packet_fits_and_a_larger_one_ends_it),
		cmocka_unit_test(silence_and_the_end_are_told_apart),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
