#include "transfer/supervisor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/master.h"

#define TAG 77

/* A worker's end of the channel, and the supervisor's end of it, which a test plays. */
struct scene {
	struct ev_loop *loop;
	struct supervisor *supervisor;
	int other;
	char calls[400]; /* a line each */
};

static void note(struct scene *scene, const char *fmt, ...) PRINTF(2, 3);

static void note(struct scene *scene, const char *fmt, ...)
{
	size_t len = strlen(scene->calls);
	va_list args;

	va_start(args, fmt);
	vsnprintf(scene->calls + len, sizeof(scene->calls) - len, fmt, args);
	va_end(args);
}

static void on_stop(void *ctx, const char *why)
{
	note(ctx, "stop %s\n", why);
}

static void on_limit(void *ctx, uint64_t most_bytes, int64_t until)
{
	note(ctx, "limit %s %s\n", most_bytes == UINT64_MAX ? "none" : "some",
	     until == INT64_MAX ? "none" : "some");
}

static void on_wakeup(void *ctx)
{
	note(ctx, "wakeup\n");
}

static bool on_action(void *ctx, const char *verb, const char *id, struct err *err)
{
	note(ctx, "action %s %s\n", verb, id);
	return strcmp(verb, "hold") == 0 ||
	       err_exit(err, EX_NOINPUT, "no message %s is parked", id);
}

static const struct supervisor_handler all = { on_stop, on_limit, on_wakeup, on_action };
static const struct supervisor_handler none = { .on_stop = NULL };

static void open_scene(struct scene *scene, const struct supervisor_handler *handler)
{
	struct err err;
	int pair[2];

	assert_true(file_socketpair(pair, &err));
	*scene = (struct scene){ .loop = ev_loop_new(EVFLAG_AUTO),
				 .other = fcntl(pair[1], F_DUPFD, PRIVATE_FD + 1) };
	assert_true(scene->other > PRIVATE_FD);
	if (pair[0] != PRIVATE_FD) {
		assert_int_equal(dup2(pair[0], PRIVATE_FD), PRIVATE_FD);
		close(pair[0]);
	}
	if (pair[1] != PRIVATE_FD)
		close(pair[1]);
	scene->supervisor = supervisor_open(scene->loop, handler, scene);
}

static void close_scene(struct scene *scene)
{
	supervisor_close(scene->supervisor);
	file_close(&scene->other);
	ev_loop_destroy(scene->loop);
}

static void spin(struct scene *scene)
{
	for (int i = 0; i < 5; i++)
		ev_run(scene->loop, EVRUN_NOWAIT);
}

static void send_packet(struct scene *scene, const struct buf *packet)
{
	struct err err;

	assert_true(channel_send(scene->other, packet, -1, &err));
	spin(scene);
}

/* The next packet from the worker; its texts are borrowed from bytes. */
static struct packet receive(struct scene *scene, struct buf *bytes)
{
	struct packet packet;
	int fd;

	assert_int_equal(channel_wait(scene->other, 0, bytes, &fd), CHANNEL_PACKET);
	assert_int_equal(fd, -1);
	assert_true(packet_open(&packet, buf_span(bytes)));
	return packet;
}

static bool is_closed(struct scene *scene)
{
	AUTO_BUF bytes = BUF_INIT(PACKET_MAX);
	int fd;

	return channel_wait(scene->other, 0, &bytes, &fd) == CHANNEL_CLOSED;
}

static void put_stop(struct buf *out)
{
	link_stop_put(out, 0, &(struct link_stop){ span_of("the link is down") });
}

static void put_limit(struct buf *out)
{
	link_allow_put(out, 0, &(struct link_allow){ 5000, 1795000000 });
}

static void put_no_limit(struct buf *out)
{
	link_allow_put(out, 0, &(struct link_allow){ UINT64_MAX, UINT64_MAX });
}

static void put_nudge(struct buf *out)
{
	packet_begin(out, LINK_NUDGE, 0);
}

static void put_long_nudge(struct buf *out)
{
	packet_begin(out, LINK_NUDGE, 0);
	packet_put_number(out, 1);
}

static void act(struct buf *out, const char *verb, const char *id)
{
	link_act_put(out, TAG,
		     &(struct link_act){ span_of("isp"), span_of(verb), span_of(id) });
}

static void put_hold(struct buf *out)
{
	act(out, "hold", "1795.abc");
}

static void put_long_id(struct buf *out)
{
	char id[300];

	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	act(out, "hold", id);
}

static void put_event(struct buf *out)
{
	link_event_put(out, 0, &(struct link_event){ 1, span_of("ppp"), span_of("") });
}

static void put_short_stop(struct buf *out)
{
	packet_begin(out, LINK_STOP, 0);
}

static const struct {
	const char *title;
	void (*put)(struct buf *out);
	const char *calls;
	bool is_refused;
} rows[] = {
	{ "a stop comes with its reason", put_stop, "stop the link is down\n", false },
	{ "a limit comes with both numbers", put_limit, "limit some some\n", false },
	{ "the largest time is no end, not a time before 1970", put_no_limit,
	  "limit none none\n", false },
	{ "a nudge wakes the worker up", put_nudge, "wakeup\n", false },
	{ "a nudge with something in it makes no sense", put_long_nudge,
	  "stop it is no longer wanted\n", true },
	{ "an action comes with verb and id", put_hold, "action hold 1795.abc\n", false },
	{ "an id that no file name can have makes no sense", put_long_id,
	  "stop it is no longer wanted\n", true },
	{ "what is no request to a worker makes no sense", put_event,
	  "stop it is no longer wanted\n", true },
	{ "a stop that is cut short makes no sense", put_short_stop,
	  "stop it is no longer wanted\n", true },
};

static void request(void **state)
{
	size_t i = (uintptr_t)*state;
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	struct scene scene;

	open_scene(&scene, &all);
	rows[i].put(&packet);
	send_packet(&scene, &packet);
	assert_string_equal(scene.calls, rows[i].calls);
	assert_int_equal(is_closed(&scene), rows[i].is_refused);
	assert_int_equal(supervisor_is_there(scene.supervisor), !rows[i].is_refused);
	close_scene(&scene);
}

static void a_request_that_the_worker_does_not_know_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		AUTO_BUF packet = BUF_INIT(PACKET_MAX);
		struct scene scene;

		open_scene(&scene, &none);
		rows[i].put(&packet);
		send_packet(&scene, &packet);
		assert_true(is_closed(&scene));
		assert_string_equal(scene.calls, "");
		close_scene(&scene);
	}
}

static void an_action_is_answered_with_its_tag(void **state)
{
	static const struct {
		const char *verb;
		uint64_t exit_code;
		const char *text;
	} actions[] = { { "hold", 0, "" },
			{ "first", EX_NOINPUT, "no message 1795.abc is parked" } };
	struct scene scene;

	(void)state;
	open_scene(&scene, &all);
	for (size_t i = 0; i < LENGTH(actions); i++) {
		AUTO_BUF bytes = BUF_INIT(PACKET_MAX);
		struct link_done done;
		struct packet packet;

		act(&bytes, actions[i].verb, "1795.abc");
		send_packet(&scene, &bytes);
		packet = receive(&scene, &bytes);
		assert_int_equal(packet.type, LINK_DONE);
		assert_int_equal(packet.tag, TAG);
		assert_true(link_done_get(&packet, &done));
		assert_int_equal(done.exit_code, actions[i].exit_code);
		assert_true(span_is(done.text, actions[i].text));
	}
	close_scene(&scene);
}

static void a_supervisor_that_goes_away_stops_the_worker(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene, &all);
	assert_true(supervisor_is_there(scene.supervisor));
	file_close(&scene.other);
	spin(&scene);
	assert_string_equal(scene.calls, "stop it is no longer wanted\n");
	assert_false(supervisor_is_there(scene.supervisor));
	/* Nothing is sent to it any more. */
	supervisor_progress(scene.supervisor, &(struct link_progress){ .sent = 1 });
	supervisor_idle(scene.supervisor);
	supervisor_done(scene.supervisor, 0, "");
	close_scene(&scene);
}

static void after_its_last_word_a_worker_hears_nothing(void **state)
{
	AUTO_BUF packet = BUF_INIT(PACKET_MAX);
	struct scene scene;

	(void)state;
	open_scene(&scene, &all);
	supervisor_done(scene.supervisor, EX_TEMPFAIL, "isp: 3 stay");
	put_stop(&packet);
	send_packet(&scene, &packet);
	file_close(&scene.other);
	spin(&scene);
	assert_string_equal(scene.calls, "");
	close_scene(&scene);
}

static void a_worker_tells_how_far_it_is_and_how_it_ended(void **state)
{
	AUTO_BUF bytes = BUF_INIT(PACKET_MAX);
	struct link_progress progress;
	struct link_moved moved;
	struct link_done done;
	struct packet packet;
	struct scene scene;

	(void)state;
	open_scene(&scene, &all);
	supervisor_progress(scene.supervisor,
			    &(struct link_progress){ .sent = 4,
						     .used_bytes = 900,
						     .smarthost = span_of("isp"),
						     .doing = span_of("sending") });
	supervisor_moved(scene.supervisor, "other");
	supervisor_idle(scene.supervisor);
	supervisor_done(scene.supervisor, EX_TEMPFAIL, "isp: 3 stay");
	packet = receive(&scene, &bytes);
	assert_int_equal(packet.type, LINK_PROGRESS);
	assert_true(link_progress_get(&packet, &progress));
	assert_int_equal(progress.sent, 4);
	assert_int_equal(progress.used_bytes, 900);
	assert_true(span_is(progress.smarthost, "isp"));
	packet = receive(&scene, &bytes);
	assert_int_equal(packet.type, LINK_MOVED);
	assert_true(link_moved_get(&packet, &moved));
	assert_true(span_is(moved.smarthost, "other"));
	packet = receive(&scene, &bytes);
	assert_int_equal(packet.type, LINK_IDLE);
	assert_true(packet_end(&packet));
	packet = receive(&scene, &bytes);
	assert_int_equal(packet.type, LINK_DONE);
	assert_true(link_done_get(&packet, &done));
	assert_int_equal(done.exit_code, EX_TEMPFAIL);
	assert_true(span_is(done.text, "isp: 3 stay"));
	close_scene(&scene);
}

static void a_worker_started_by_hand_has_none(void **state)
{
	struct scene scene = { .loop = ev_loop_new(EVFLAG_AUTO) };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(dup2(fd, PRIVATE_FD), PRIVATE_FD);
	scene.supervisor = supervisor_open(scene.loop, &all, &scene);
	assert_false(supervisor_is_there(scene.supervisor));
	supervisor_progress(scene.supervisor, &(struct link_progress){ .sent = 1 });
	supervisor_idle(scene.supervisor);
	supervisor_moved(scene.supervisor, "other");
	supervisor_done(scene.supervisor, 0, "");
	spin(&scene);
	assert_string_equal(scene.calls, "");
	supervisor_close(scene.supervisor);
	/* What was there is not its to close. */
	assert_true(fcntl(PRIVATE_FD, F_GETFD) >= 0);
	close(PRIVATE_FD);
	close(fd);
	ev_loop_destroy(scene.loop);
}

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(a_request_that_the_worker_does_not_know_is_refused),
		cmocka_unit_test(an_action_is_answered_with_its_tag),
		cmocka_unit_test(a_supervisor_that_goes_away_stops_the_worker),
		cmocka_unit_test(after_its_last_word_a_worker_hears_nothing),
		cmocka_unit_test(a_worker_tells_how_far_it_is_and_how_it_ended),
		cmocka_unit_test(a_worker_started_by_hand_has_none),
	};
	struct CMUnitTest requests[LENGTH(rows)];

	for (size_t i = 0; i < LENGTH(rows); i++)
		requests[i] = (struct CMUnitTest){ .name = rows[i].title,
						   .test_func = request,
						   .initial_state = (void *)i };
	return cmocka_run_group_tests_name("supervisor: requests", requests, NULL, NULL) +
	       cmocka_run_group_tests_name("supervisor", single, NULL, NULL);
}
