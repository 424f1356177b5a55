#include "ipc/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../descriptors.h"
#include "base/file.h"
#include "ipc/channel.h"

enum what {
	TAKE,
	REFUSE,           /* false: the packet makes no sense */
	CLOSE,            /* peer_close in its own call-back */
	CLOSE_AND_REFUSE, /* both */
	ANSWER,
};

/* One peer on a loop, and the other end of its socket. */
struct scene {
	struct ev_loop *loop;
	struct peer *peer;
	int other;
	enum what what;
	bool close_when_closed;
	bool inside;
	unsigned packets, closed;
	uint32_t last_tag;
	int got_fd;
};

static bool on_packet(void *ctx, struct peer *peer, struct packet *packet, int fd)
{
	struct scene *scene = ctx;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	bool sense = true;

	assert_false(scene->inside);
	scene->inside = true;
	scene->packets++;
	scene->last_tag = packet->tag;
	file_close(&scene->got_fd);
	scene->got_fd = fd;
	switch (scene->what) {
	case TAKE:
		break;
	case REFUSE:
		sense = false;
		break;
	case CLOSE_AND_REFUSE:
		sense = false;
		/* fallthrough */
	case CLOSE:
		peer_close(peer);
		scene->peer = NULL;
		break;
	case ANSWER:
		packet_begin(&out, 9, packet->tag);
		peer_send(peer, &out, -1);
		break;
	}
	scene->inside = false;
	return sense;
}

static void on_closed(void *ctx, struct peer *peer)
{
	struct scene *scene = ctx;

	assert_false(scene->inside);
	scene->closed++;
	if (scene->close_when_closed)
		peer_close(peer);
	scene->peer = NULL;
}

static const struct peer_handler handler = { on_packet, on_closed };

static void begin(struct scene *scene, enum what what)
{
	struct err err;
	int pair[2];

	assert_true(file_socketpair(pair, &err));
	*scene = (struct scene){ .loop = ev_loop_new(EVFLAG_AUTO),
				 .what = what,
				 .other = pair[1],
				 .got_fd = -1 };
	scene->peer = peer_open(scene->loop, pair[0], &handler, scene);
}

static void end(struct scene *scene)
{
	peer_close(scene->peer);
	file_close(&scene->other);
	file_close(&scene->got_fd);
	ev_loop_destroy(scene->loop);
}

static void spin(struct scene *scene)
{
	for (int i = 0; i < 10; i++)
		ev_run(scene->loop, EVRUN_NOWAIT);
}

static void say(struct scene *scene, uint32_t tag, int pass_fd)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct err err;

	packet_begin(&out, 1, tag);
	assert_true(channel_send(scene->other, &out, pass_fd, &err));
}

static void packets_come_in_order_with_their_descriptors(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, TAKE);
	for (uint32_t tag = 0; tag < 100; tag++) {
		say(&scene, tag, tag == 99 ? scene.other : -1);
		spin(&scene);
		assert_int_equal(scene.last_tag, tag);
	}
	assert_int_equal(scene.packets, 100);
	assert_true(scene.got_fd >= 0);
	assert_int_equal(peer_uid(scene.peer), geteuid());
	assert_int_equal(peer_pid(scene.peer), getpid());
	end(&scene);
}

static void an_answer_is_on_its_way_when_the_call_back_returns(void **state)
{
	struct scene scene;
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct packet packet;

	(void)state;
	begin(&scene, ANSWER);
	say(&scene, 77, -1);
	spin(&scene);
	assert_int_equal(channel_wait(scene.other, 0, &in, NULL), CHANNEL_PACKET);
	assert_true(packet_open(&packet, buf_span(&in)));
	assert_int_equal(packet.tag, 77);
	end(&scene);
}

static void closing_in_the_call_back_stops_at_once(void **state)
{
	static const enum what ways[] = { CLOSE, CLOSE_AND_REFUSE };

	(void)state;
	for (size_t i = 0; i < LENGTH(ways); i++) {
		struct scene scene;

		begin(&scene, ways[i]);
		say(&scene, 1, -1);
		say(&scene, 2, -1);
		spin(&scene);
		assert_int_equal(scene.packets, 1);
		assert_int_equal(scene.closed, 0);
		end(&scene);
	}
}

static void nonsense_ends_the_peer_and_is_told_once(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, REFUSE);
	say(&scene, 1, -1);
	say(&scene, 2, -1);
	spin(&scene);
	assert_int_equal(scene.packets, 1);
	assert_int_equal(scene.closed, 1);
	end(&scene);

	begin(&scene, TAKE); /* too short to be a packet at all */
	assert_int_equal(send(scene.other, "abc", 3, 0), 3);
	spin(&scene);
	assert_int_equal(scene.packets, 0);
	assert_int_equal(scene.closed, 1);
	end(&scene);
}

static void who_leaves_is_told_of_after_his_last_packet(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, TAKE);
	scene.close_when_closed = true; /* as careless code would */
	say(&scene, 1, -1);
	file_close(&scene.other);
	spin(&scene);
	assert_int_equal(scene.packets, 1);
	assert_int_equal(scene.closed, 1);
	end(&scene);
}

static void what_does_not_fit_now_follows_in_order(void **state)
{
	static char bytes[20000];
	struct scene scene;
	AUTO_BUF out = BUF_INIT(PACKET_MAX), in = BUF_INIT(PACKET_MAX);

	(void)state;
	begin(&scene, TAKE);
	for (uint32_t tag = 0; tag < 150; tag++) {
		packet_begin(&out, 1, tag);
		packet_put_text(&out, (struct span){ bytes, sizeof(bytes) });
		peer_send(scene.peer, &out, tag == 149 ? scene.other : -1);
	}
	for (uint32_t tag = 0; tag < 150; tag++) {
		struct packet packet;
		int fd;

		spin(&scene);
		assert_int_equal(channel_wait(scene.other, 0, &in, &fd), CHANNEL_PACKET);
		assert_true(packet_open(&packet, buf_span(&in)));
		assert_int_equal(packet.tag, tag);
		assert_int_equal(fd >= 0, tag == 149);
		file_close(&fd);
	}
	assert_int_equal(scene.closed, 0);
	end(&scene);
}

static void who_never_reads_is_given_up(void **state)
{
	static char bytes[60000];
	struct scene scene;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	(void)state;
	begin(&scene, TAKE);
	packet_begin(&out, 1, 0);
	packet_put_text(&out, (struct span){ bytes, sizeof(bytes) });
	for (int i = 0; i < 200; i++)
		peer_send(scene.peer, &out, -1);
	assert_int_equal(scene.closed, 0); /* not from within peer_send */
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	end(&scene);
}

static void who_can_be_told_nothing_is_closed(void **state)
{
	struct scene scene;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	(void)state;
	begin(&scene, TAKE);
	assert_int_equal(shutdown(scene.other, SHUT_RD), 0);
	packet_begin(&out, 1, 0);
	peer_send(scene.peer, &out, -1);
	assert_int_equal(scene.closed, 0); /* not from within peer_send */
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	end(&scene);
}

static void short_packets_count_too(void **state)
{
	struct scene scene;
	AUTO_BUF out = BUF_INIT(PACKET_MAX);

	(void)state;
	begin(&scene, TAKE);
	peer_limit(scene.peer, 4096);
	packet_begin(&out, 1, 0);
	for (int i = 0; i < 10000; i++)
		peer_send(scene.peer, &out, -1);
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	end(&scene);
}

static void nothing_is_left_open(void **state)
{
	size_t before = open_descriptors();
	static char bytes[60000];
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	struct scene scene;

	(void)state;
	begin(&scene, TAKE);
	packet_begin(&out, 1, 0);
	packet_put_text(&out, (struct span){ bytes, sizeof(bytes) });
	for (int i = 0; i < 20; i++) /* the last ones wait, with their descriptors */
		peer_send(scene.peer, &out, scene.other);
	end(&scene);
	assert_int_equal(open_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_come_in_order_with_their_descriptors),
		cmocka_unit_test(an_answer_is_on_its_way_when_the_call_back_returns),
		cmocka_unit_test(closing_in_the_call_back_stops_at_once),
		cmocka_unit_test(nonsense_ends_the_peer_and_is_told_once),
		cmocka_unit_test(who_leaves_is_told_of_after_his_last_packet),
		cmocka_unit_test(what_does_not_fit_now_follows_in_order),
		cmocka_unit_test(who_never_reads_is_given_up),
		cmocka_unit_test(who_can_be_told_nothing_is_closed),
		cmocka_unit_test(short_packets_count_too),
		cmocka_unit_test(nothing_is_left_open),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
