#include "../folder.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../descriptors.h"
#include "base/file.h"
#include "ipc/channel.h"
#include "session/client.h"
#include "session/worker.h"

#define WAIT_MS 10000

struct guest {
	struct client client;
	unsigned permits, results, stops;
};

/* A worker, and the other ends: lontar-auth's of its question, two clients'. */
struct scene {
	char path[TEST_FOLDER_MAX];
	int root_fd;
	struct worker worker;
	int auth;
	int others[2];
	unsigned left;
	const char *expelled; /* why, of the last one */
	const char *lost;
};

static struct client *new_guest(int fd)
{
	struct guest *guest = must_alloc(sizeof(*guest));

	assert_true(fd >= 0);
	*guest = (struct guest){ 0 };
	return &guest->client;
}

static void leave(struct client *client)
{
	client_leave(client);
	free(client);
}

static void on_connection(void *ctx, enum connection_event event)
{
	(void)ctx;
	(void)event;
}

static void on_permit(struct client *client, const struct auth_permit *permit)
{
	assert_int_equal(permit->verdict, AUTH_YES);
	((struct guest *)client)->permits++;
}

static void on_result(struct client *client, const struct auth_result *result, int fd)
{
	assert_int_equal(result->verdict, AUTH_NO);
	file_close(&fd);
	((struct guest *)client)->results++;
}

static void stop(struct client *client)
{
	assert_true(client->worker->stopping);
	((struct guest *)client)->stops++;
}

static void expel(struct client *client, const char *why)
{
	((struct scene *)client->worker->keeper)->expelled = why;
	leave(client);
}

static const struct protocol protocol = {
	.tls_service = "guests",
	.clients_max = 2,
	.client_fds = 1,
	.timeout_ms = WAIT_MS,
	.new_client = new_guest,
	.on_connection = on_connection,
	.on_permit = on_permit,
	.on_result = on_result,
	.stop = stop,
	.expel = expel,
};

static void on_leave(void *keeper)
{
	((struct scene *)keeper)->left++;
}

static void on_lost(void *keeper, const char *who)
{
	((struct scene *)keeper)->lost = who;
}

/* The gateway's root is the current folder. */
static void enter_root(struct scene *scene)
{
	static const char *const folders[] = { "run" };

	*scene = (struct scene){ .worker = { .protocol = &protocol,
					     .keeper = scene,
					     .on_leave = on_leave,
					     .on_lost = on_lost },
				 .auth = -1,
				 .others = { -1, -1 } };
	scene->root_fd = test_folder_make(scene->path);
	test_folder_add(scene->root_fd, folders);
	assert_int_equal(fchdir(scene->root_fd), 0);
}

static void begin(struct scene *scene)
{
	AUTO_FD listener = -1;
	struct err err;

	enter_root(scene);
	listener = channel_listen(scene->root_fd, "auth", 0600, &err);
	assert_true(listener >= 0);
	assert_true(worker_begin(&scene->worker, ev_loop_new(EVFLAG_AUTO),
				 WORKER_AUTH_NEEDED, &err));
	scene->auth = accept(listener, NULL, NULL);
	assert_true(scene->auth >= 0);
}

/* The loop ends by itself when nobody is left. */
static void end(struct scene *scene)
{
	for (size_t i = 0; i < WORKER_CLIENTS_MAX; i++)
		if (scene->worker.clients[i])
			leave(scene->worker.clients[i]);
	file_close(&scene->others[0]);
	file_close(&scene->others[1]);
	worker_clear(&scene->worker);
	ev_run(scene->worker.loop, 0);
	ev_loop_destroy(scene->worker.loop);
	file_close(&scene->auth);
	file_close(&scene->root_fd);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(test_folder_remove(scene->path), 0);
}

static struct guest *let_in(struct scene *scene, size_t which)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	file_close(&scene->others[which]);
	scene->others[which] = pair[1];
	return (struct guest *)worker_let_in(&scene->worker, pair[0], pair[0], "guest",
					     "192.0.2.7");
}

/* What lontar-auth hears; in holds what is borrowed. */
static struct packet hear(const struct scene *scene, struct buf *in)
{
	struct packet packet;

	assert_int_equal(channel_wait(scene->auth, WAIT_MS, in, NULL), CHANNEL_PACKET);
	assert_true(packet_open(&packet, buf_span(in)));
	return packet;
}

static void say_permit(const struct scene *scene, uint32_t tag)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct span none = span_of("");
	struct err err;

	auth_permit_put(&out, tag,
			&(struct auth_permit){ .verdict = AUTH_YES,
					       .relay_suffix = none,
					       .me = none,
					       .greeting = none,
					       .text = none });
	assert_true(channel_send(scene->auth, &out, -1, &err));
}

static void say_result(const struct scene *scene, uint32_t tag, int fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err err;

	auth_result_put(
		&out, tag,
		&(struct auth_result){ AUTH_NO, span_of(""), span_of("no such user") });
	assert_true(channel_send(scene->auth, &out, fd, &err));
}

static void auth_is_asked_about_each_client_and_told_when_he_leaves(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct auth_hello hello;
	struct scene scene;
	struct packet packet;
	uint32_t tag;

	(void)state;
	begin(&scene);
	tag = let_in(&scene, 0)->client.tag;
	packet = hear(&scene, &in);
	assert_int_equal(packet.type, AUTH_HELLO);
	assert_int_equal(packet.tag, tag);
	assert_true(auth_hello_get(&packet, &hello));
	assert_true(span_is(hello.service, "guest"));
	assert_true(span_is(hello.remote_ip, "192.0.2.7"));
	leave(worker_client(&scene.worker, tag));
	packet = hear(&scene, &in);
	assert_int_equal(packet.type, AUTH_BYE);
	assert_int_equal(packet.tag, tag);
	assert_int_equal(scene.left, 1);
	assert_int_equal(scene.worker.count, 0);
	end(&scene);
}

static void an_answer_reaches_whom_it_is_about(void **state)
{
	struct scene scene;
	struct guest *one, *other;

	(void)state;
	begin(&scene);
	one = let_in(&scene, 0);
	other = let_in(&scene, 1);
	assert_string_not_equal(one->client.id, other->client.id);
	say_permit(&scene, other->client.tag);
	say_result(&scene, one->client.tag, -1);
	while (!one->results)
		ev_run(scene.worker.loop, EVRUN_ONCE);
	assert_int_equal(one->permits, 0);
	assert_int_equal(other->permits, 1);
	assert_int_equal(other->results, 0);
	end(&scene);
}

static void an_answer_for_one_who_has_left_reaches_nobody(void **state)
{
	struct scene scene;
	struct guest *next;
	size_t open;
	uint32_t tag;

	(void)state;
	begin(&scene);
	tag = let_in(&scene, 0)->client.tag;
	open = open_descriptors();
	leave(worker_client(&scene.worker, tag));
	next = let_in(&scene, 0);
	assert_ptr_equal(worker_client(&scene.worker, tag), &next->client);
	while (open_descriptors() != open) /* the first one's socket */
		ev_run(scene.worker.loop, EVRUN_ONCE);
	say_permit(&scene, tag);
	say_result(&scene, tag, scene.root_fd); /* as with a mailbox's socket */
	say_permit(&scene, next->client.tag);
	while (!next->permits)
		ev_run(scene.worker.loop, EVRUN_ONCE);
	assert_int_equal(next->permits, 1);
	assert_int_equal(next->results, 0);
	assert_int_equal(open_descriptors(), open);
	end(&scene);
}

static void without_auth_all_are_expelled_and_the_keeper_is_told(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene);
	let_in(&scene, 0);
	let_in(&scene, 1);
	file_close(&scene.auth);
	while (!scene.lost)
		ev_run(scene.worker.loop, EVRUN_ONCE);
	assert_string_equal(scene.lost, "lontar-auth is gone");
	assert_string_equal(scene.expelled, scene.lost);
	assert_int_equal(scene.left, 2);
	assert_true(scene.worker.stopping);
	end(&scene);
}

static void a_stop_is_told_to_all_who_may_finish(void **state)
{
	struct scene scene;
	struct guest *one, *other;

	(void)state;
	begin(&scene);
	one = let_in(&scene, 0);
	other = let_in(&scene, 1);
	worker_stop(&scene.worker);
	assert_int_equal(one->stops + other->stops, 2);
	assert_int_equal(scene.worker.count, 2);
	end(&scene);
}

static void no_copy_of_a_password_is_left(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct auth_login login;
	struct packet packet;
	struct scene scene;
	struct guest *guest;

	(void)state;
	begin(&scene);
	guest = let_in(&scene, 0);
	hear(&scene, &in);
	client_ask_login(&guest->client, span_of("ann"), span_of("sesame"));
	packet = hear(&scene, &in);
	assert_true(auth_login_get(&packet, &login));
	assert_true(span_is(login.password, "sesame"));
	assert_null(memmem(scene.worker.ask.data, scene.worker.ask.room, "sesame", 6));
	end(&scene);
}

static void auth_may_be_missing_where_it_is_not_needed(void **state)
{
	static const struct {
		enum worker_auth auth;
		bool begins;
	} rows[] = { { WORKER_AUTH_NEEDED, false },
		     { WORKER_AUTH_IF_THERE, true },
		     { WORKER_AUTH_UNASKED, true } };

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct scene scene;
		struct err err;

		enter_root(&scene);
		assert_int_equal(worker_begin(&scene.worker, ev_loop_new(EVFLAG_AUTO),
					      rows[i].auth, &err),
				 rows[i].begins);
		assert_null(scene.worker.auth);
		end(&scene);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(auth_is_asked_about_each_client_and_told_when_he_leaves),
		cmocka_unit_test(an_answer_reaches_whom_it_is_about),
		cmocka_unit_test(an_answer_for_one_who_has_left_reaches_nobody),
		cmocka_unit_test(without_auth_all_are_expelled_and_the_keeper_is_told),
		cmocka_unit_test(a_stop_is_told_to_all_who_may_finish),
		cmocka_unit_test(no_copy_of_a_password_is_left),
		cmocka_unit_test(auth_may_be_missing_where_it_is_not_needed),
	};

	return cmocka_run_group_tests_name("sessions of a worker", tests, NULL, NULL);
}
