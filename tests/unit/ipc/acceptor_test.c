#include "../folder.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/acceptor.h"
#include "ipc/channel.h"

#define CLIENTS 40

/* A listener in a folder of its own, and clients that wait on it. */
struct scene {
	char path[TEST_FOLDER_MAX];
	struct ev_loop *loop;
	struct acceptor acceptor;
	int listener;
	int clients[CLIENTS];
	unsigned taken;
};

static void on_connection(void *ctx, int fd)
{
	struct scene *scene = ctx;

	scene->taken++;
	close(fd);
}

static int begin(void **state)
{
	struct scene *scene = test_calloc(1, sizeof(*scene));
	AUTO_FD root_fd = test_folder_make(scene->path);
	struct err err;

	assert_int_equal(mkdirat(root_fd, "run", 0700), 0);
	scene->loop = ev_loop_new(EVFLAG_AUTO);
	scene->listener = channel_listen(root_fd, "door", 0600, &err);
	assert_true(scene->listener >= 0);
	for (size_t i = 0; i < CLIENTS; i++) {
		scene->clients[i] = channel_connect(root_fd, "door", &err);
		assert_true(scene->clients[i] >= 0);
	}
	acceptor_start(&scene->acceptor, scene->loop, scene->listener, on_connection,
		       scene);
	*state = scene;
	return 0;
}

static int end(void **state)
{
	struct scene *scene = *state;

	acceptor_stop(&scene->acceptor);
	for (size_t i = 0; i < CLIENTS; i++)
		close(scene->clients[i]);
	close(scene->listener);
	ev_loop_destroy(scene->loop);
	assert_int_equal(test_folder_remove(scene->path), 0);
	test_free(scene);
	return 0;
}

static void all_who_wait_are_taken_some_at_a_turn(void **state)
{
	struct scene *scene = *state;

	ev_run(scene->loop, EVRUN_NOWAIT);
	assert_in_range(scene->taken, 1, CLIENTS - 1);
	for (int turn = 0; turn < 5; turn++)
		ev_run(scene->loop, EVRUN_NOWAIT);
	assert_int_equal(scene->taken, CLIENTS);
}

static void without_a_descriptor_it_waits_and_then_goes_on(void **state)
{
	struct scene *scene = *state;
	struct rlimit usual, few;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	few = usual;
	few.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	ev_run(scene->loop, EVRUN_NOWAIT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	assert_int_equal(scene->taken, 0);
	assert_false(ev_is_active(&scene->acceptor.waiting));
	for (int turn = 0; turn < 10 && scene->taken < CLIENTS; turn++)
		ev_run(scene->loop, EVRUN_ONCE);
	assert_int_equal(scene->taken, CLIENTS);
}

static void a_stopped_one_takes_nobody(void **state)
{
	struct scene *scene = *state;

	acceptor_stop(&scene->acceptor);
	ev_run(scene->loop, EVRUN_NOWAIT);
	assert_int_equal(scene->taken, 0);
}

#define PROMISE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROMISE(all_who_wait_are_taken_some_at_a_turn),
		PROMISE(without_a_descriptor_it_waits_and_then_goes_on),
		PROMISE(a_stopped_one_takes_nobody),
	};

	return cmocka_run_group_tests_name("acceptor", tests, NULL, NULL);
}
