#include "net/connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "tls_client.h"

/* A session that answers, and the peer's end of its socket. */
struct scene {
	struct ev_loop *loop;
	struct connection *connection;
	int peer;
	int inputs, drained, deadlines, closed;
	bool inside; /* the handler runs: no event may come now */
	struct buf got;
	void (*on_event)(struct scene *scene, enum connection_event event);
	size_t to_write;
	struct tls_server *server;
};

static void on_event(void *ctx, enum connection_event event)
{
	struct scene *scene = ctx;

	assert_false(scene->inside);
	scene->inside = true;
	switch (event) {
	case CONNECTION_INPUT:
		scene->inputs++;
		break;
	case CONNECTION_DRAINED:
		scene->drained++;
		break;
	case CONNECTION_DEADLINE:
		scene->deadlines++;
		break;
	case CONNECTION_CLOSED:
		scene->closed++;
		break;
	}
	scene->on_event(scene, event);
	scene->inside = false;
}

static void take_input(struct scene *scene)
{
	struct buf *input = connection_input(scene->connection);

	assert_true(buf_append_span(&scene->got, buf_span(input)));
	buf_consume(input, input->len);
}

static void collect(struct scene *scene, enum connection_event event)
{
	if (event == CONNECTION_INPUT)
		take_input(scene);
}

static void echo(struct scene *scene, enum connection_event event)
{
	struct buf *input = connection_input(scene->connection);

	if (event != CONNECTION_INPUT)
		return;
	connection_write(scene->connection, buf_span(input));
	buf_consume(input, input->len);
}

static void begin(struct scene *scene,
		  void (*handler)(struct scene *, enum connection_event))
{
	int pair[2];

	*scene = (struct scene){ .loop = ev_loop_new(EVFLAG_AUTO),
				 .got = BUF_INIT((size_t)64 << 20),
				 .on_event = handler };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	scene->peer = pair[1];
	fcntl(scene->peer, F_SETFL, O_NONBLOCK);
	scene->connection =
		connection_open(scene->loop, pair[0], pair[0], on_event, scene);
}

static void end(struct scene *scene)
{
	connection_close(scene->connection);
	if (scene->peer >= 0)
		close(scene->peer);
	buf_clear(&scene->got);
	tls_server_free(scene->server);
	ev_loop_destroy(scene->loop);
}

static void spin(struct scene *scene)
{
	for (int i = 0; i < 20; i++)
		ev_run(scene->loop, EVRUN_NOWAIT);
}

static void say(struct scene *scene, const char *text)
{
	assert_int_equal(write(scene->peer, text, strlen(text)), strlen(text));
}

static size_t hear(struct scene *scene, char *out, size_t room)
{
	ssize_t got = read(scene->peer, out, room - 1);

	out[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

static void what_is_said_is_heard_and_answered(void **state)
{
	struct scene scene;
	char text[64];

	(void)state;
	begin(&scene, echo);
	say(&scene, "NOOP\r\n");
	spin(&scene);
	hear(&scene, text, sizeof(text));
	assert_string_equal(text, "NOOP\r\n");
	assert_int_equal(scene.drained, 1);
	end(&scene);
}

static void writing_makes_no_event_before_the_loop_runs(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, collect);
	scene.inside = true;
	connection_write(scene.connection, span_of("220 hello\r\n"));
	connection_pause(scene.connection, true);
	connection_pause(scene.connection, false);
	scene.inside = false;
	assert_int_equal(connection_backlog(scene.connection), 11);
	spin(&scene);
	assert_int_equal(connection_backlog(scene.connection), 0);
	assert_int_equal(scene.drained, 1);
	end(&scene);
}

static void input_before_the_end_comes_before_the_end(void **state)
{
	struct scene scene;
	char text[64];

	(void)state;
	begin(&scene, echo);
	say(&scene, "QUIT\r\n");
	shutdown(scene.peer, SHUT_WR);
	spin(&scene);
	assert_int_equal(scene.inputs, 1);
	assert_int_equal(scene.closed, 1);
	assert_null(connection_failure(scene.connection));
	hear(&scene, text, sizeof(text)); /* who closed one half hears the rest */
	assert_string_equal(text, "QUIT\r\n");
	end(&scene);
}

static void who_closed_one_half_and_vanishes_then_is_told_again(void **state)
{
	struct scene scene;
	char *much = test_calloc(1 << 20, 1);

	(void)state;
	begin(&scene, collect);
	shutdown(scene.peer, SHUT_WR);
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	assert_false(connection_is_broken(scene.connection));
	connection_write(scene.connection, (struct span){ much, 1 << 20 });
	spin(&scene);
	assert_int_equal(scene.drained, 0);
	close(scene.peer);
	scene.peer = -1;
	spin(&scene);
	assert_int_equal(scene.closed, 2);
	assert_true(connection_is_broken(scene.connection));
	assert_int_equal(scene.drained, 0);
	end(&scene);
	test_free(much);
}

static void pausing_keeps_input_and_end_for_later(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, collect);
	connection_pause(scene.connection, true);
	say(&scene, "later");
	shutdown(scene.peer, SHUT_WR);
	spin(&scene);
	assert_int_equal(scene.inputs + scene.closed, 0);
	connection_pause(scene.connection, false);
	spin(&scene);
	assert_int_equal(scene.inputs, 1);
	assert_int_equal(scene.closed, 1);
	assert_string_equal(scene.got.data, "later");
	end(&scene);
}

static void pause_in_the_middle(struct scene *scene, enum connection_event event)
{
	if (event != CONNECTION_INPUT)
		return;
	if (scene->inputs == 1) {
		buf_consume(connection_input(scene->connection), 4);
		connection_pause(scene->connection, true);
	} else {
		take_input(scene);
	}
}

static void input_left_over_is_told_of_after_a_pause(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, pause_in_the_middle);
	say(&scene, "one\ntwo\n");
	spin(&scene);
	assert_int_equal(scene.inputs, 1);
	connection_pause(scene.connection, false);
	spin(&scene);
	assert_int_equal(scene.inputs, 2);
	assert_string_equal(scene.got.data, "two\n");
	end(&scene);
}

static void ignore(struct scene *scene, enum connection_event event)
{
	(void)scene;
	(void)event;
}

static size_t stuff(struct scene *scene, size_t limit)
{
	static const char bytes[8192];
	size_t sent = 0;

	for (int idle = 0; idle < 3 && sent < limit;) {
		ssize_t wrote = write(scene->peer, bytes, sizeof(bytes));

		if (wrote > 0)
			sent += (size_t)wrote;
		idle = wrote > 0 ? 0 : idle + 1;
		spin(scene);
	}
	return sent;
}

static void a_slow_engine_slows_its_peer_and_loses_nothing(void **state)
{
	struct scene scene;
	size_t sent;

	(void)state;
	begin(&scene, ignore);
	sent = stuff(&scene, (size_t)16 << 20);
	assert_true(sent < (size_t)16 << 20);
	assert_int_equal(connection_input(scene.connection)->len, 65536);
	scene.on_event = collect;
	take_input(&scene); /* outside the handler, as when an answer came */
	spin(&scene);
	spin(&scene);
	assert_int_equal(scene.got.len, sent);
	end(&scene);
}

static void a_peer_that_does_not_read_is_not_read(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, echo);
	assert_true(stuff(&scene, (size_t)16 << 20) < (size_t)16 << 20);
	assert_true(connection_backlog(scene.connection) < (size_t)512 * 1024);
	assert_int_equal(scene.closed, 0);
	end(&scene);
}

static void write_more(struct scene *scene, enum connection_event event)
{
	static const char bytes[10000];
	size_t piece = scene->to_write < sizeof(bytes) ? scene->to_write : sizeof(bytes);

	if (event != CONNECTION_DRAINED || !piece)
		return;
	connection_write(scene->connection, (struct span){ bytes, piece });
	scene->to_write -= piece;
}

static void drained_asks_for_more_until_all_is_sent(void **state)
{
	struct scene scene;
	size_t heard = 0;
	char bytes[65536];

	(void)state;
	begin(&scene, write_more);
	scene.to_write = 3000000;
	connection_write(scene.connection, span_of("+OK"));
	for (int i = 0; i < 100000 && heard < 3000003; i++) {
		spin(&scene);
		heard += hear(&scene, bytes, sizeof(bytes));
	}
	assert_int_equal(heard, 3000003);
	end(&scene);
}

static void close_at_once(struct scene *scene, enum connection_event event)
{
	(void)event;
	connection_write(scene->connection, span_of("421 bye\r\n"));
	connection_close(scene->connection);
	scene->connection = NULL;
}

static void closing_in_the_handler_is_safe(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, close_at_once);
	say(&scene, "x");
	spin(&scene);
	assert_null(scene.connection);
	assert_int_equal(scene.inputs, 1);
	end(&scene);
}

static void finish_now(struct scene *scene, enum connection_event event)
{
	(void)event;
	connection_write(scene->connection, span_of("221 bye\r\n"));
	connection_finish(scene->connection);
	scene->connection = NULL;
}

static void finishing_sends_the_last_reply_and_waits_for_the_peer(void **state)
{
	struct scene scene;
	char text[64];

	(void)state;
	begin(&scene, finish_now);
	say(&scene, "QUIT\r\nand more that nobody reads");
	spin(&scene);
	hear(&scene, text, sizeof(text));
	assert_string_equal(text, "221 bye\r\n");
	assert_int_equal(read(scene.peer, text, 1), 0);
	say(&scene, "still talking");
	close(scene.peer);
	scene.peer = -1;
	ev_run(scene.loop, 0); /* returns when the connection is gone */
	assert_int_equal(scene.inputs, 1);
	assert_int_equal(scene.closed, 0);
	end(&scene);
}

static void a_peer_that_vanishes_is_told_once(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, collect);
	close(scene.peer);
	scene.peer = -1;
	connection_write(scene.connection, span_of("220 hello\r\n"));
	spin(&scene);
	connection_write(scene.connection, span_of("anybody?\r\n"));
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	assert_int_equal(connection_backlog(scene.connection), 0);
	end(&scene);
}

static void stop_at_deadline(struct scene *scene, enum connection_event event)
{
	if (event == CONNECTION_DEADLINE)
		ev_break(scene->loop, EVBREAK_ALL);
}

static void a_deadline_comes_once_and_the_last_set_counts(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, stop_at_deadline);
	connection_set_deadline(scene.connection, 3600000);
	connection_set_deadline(scene.connection, 10);
	connection_set_deadline(scene.connection, 30);
	ev_run(scene.loop, 0);
	assert_int_equal(scene.deadlines, 1);
	connection_set_deadline(scene.connection, 1);
	connection_set_deadline(scene.connection, 0);
	connection_set_deadline(scene.connection, 5);
	ev_run(scene.loop, 0);
	assert_int_equal(scene.deadlines, 2);
	end(&scene);
}

static void two_pipes_serve_as_well(void **state)
{
	struct scene scene = { .loop = ev_loop_new(EVFLAG_AUTO),
			       .got = BUF_INIT(65536),
			       .on_event = echo,
			       .peer = -1 };
	int in[2], out[2];
	char text[16] = "";

	(void)state;
	assert_int_equal(pipe(in) | pipe(out), 0);
	scene.connection = connection_open(scene.loop, in[0], out[1], on_event, &scene);
	assert_int_equal(write(in[1], "NOOP\r\n", 6), 6);
	close(in[1]);
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	assert_int_equal(read(out[0], text, 15), 6);
	connection_finish(scene.connection);
	scene.connection = NULL;
	ev_run(scene.loop, 0);
	assert_int_equal(read(out[0], text, 15), 0);
	close(out[0]);
	end(&scene);
}

/* STARTTLS as a session does it: the command, its answer, then TLS. */
static void starttls(struct scene *scene, enum connection_event event)
{
	struct buf *input = connection_input(scene->connection);

	if (event != CONNECTION_INPUT)
		return;
	if (connection_tls(scene->connection)) {
		take_input(scene);
		return;
	}
	buf_consume(input, strlen("STARTTLS\r\n"));
	connection_write(scene->connection, span_of("220 go\r\n"));
	connection_start_tls(scene->connection, scene->server);
	connection_write(scene->connection, span_of("under TLS"));
}

static void carry(struct scene *scene, struct client *client)
{
	char bytes[65536];

	for (int i = 0; i < 10; i++) {
		struct span said;
		size_t heard;

		SSL_do_handshake(client->ssl);
		said = client_said(client);
		for (size_t at = 0; at < said.len;) {
			ssize_t wrote = write(scene->peer, said.at + at, said.len - at);

			at += wrote > 0 ? (size_t)wrote : 0;
			spin(scene);
		}
		spin(scene);
		heard = hear(scene, bytes, sizeof(bytes));
		BIO_write(client->heard, bytes, (int)heard);
	}
}

static void plain_text_behind_starttls_is_thrown_away(void **state)
{
	struct scene scene;
	struct client client;
	char text[64];

	(void)state;
	begin(&scene, starttls);
	scene.server = make_server();
	say(&scene, "STARTTLS\r\nRSET\r\nMAIL FROM:<evil@example>\r\n");
	spin(&scene);
	hear(&scene, text, sizeof(text));
	assert_string_equal(text, "220 go\r\n");
	client_begin(&client, TLS1_3_VERSION, NULL);
	carry(&scene, &client);
	assert_non_null(strstr(connection_tls(scene.connection), "TLSv1.3"));
	assert_int_equal(scene.got.len, 0);
	assert_int_equal(SSL_read(client.ssl, text, sizeof(text)), 9);
	SSL_write(client.ssl, "EHLO a\r\n", 8);
	carry(&scene, &client);
	assert_string_equal(scene.got.data, "EHLO a\r\n");
	client_end(&client);
	end(&scene);
}

static void a_large_upload_over_tls_arrives_whole(void **state)
{
	static char bytes[200000];
	struct scene scene;
	struct client client;
	size_t before;

	(void)state;
	begin(&scene, starttls);
	scene.server = make_server();
	say(&scene, "STARTTLS\r\n");
	spin(&scene);
	hear(&scene, bytes, sizeof(bytes));
	client_begin(&client, TLS1_3_VERSION, NULL);
	carry(&scene, &client);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 251);
	/* At first nobody takes it: 64 KiB lie in the input, some inside TLS. */
	scene.on_event = ignore;
	SSL_write(client.ssl, bytes, 100000);
	for (struct span said = client_said(&client); said.len;) {
		ssize_t wrote = write(scene.peer, said.at, said.len);

		said = span_after(said, wrote > 0 ? (size_t)wrote : 0);
		spin(&scene);
		if (wrote <= 0)
			break;
	}
	before = connection_input(scene.connection)->len;
	assert_int_equal(before, 65536);
	scene.on_event = starttls;
	take_input(&scene);
	spin(&scene);
	assert_int_equal(scene.got.len, 100000);
	assert_memory_equal(scene.got.data, bytes, 100000);
	client_end(&client);
	end(&scene);
}

static void garbage_for_tls_ends_with_a_reason(void **state)
{
	struct scene scene;

	(void)state;
	begin(&scene, ignore);
	scene.server = make_server();
	connection_start_tls(scene.connection, scene.server);
	say(&scene, "GET / HTTP/1.1\r\n\r\n");
	spin(&scene);
	assert_int_equal(scene.closed, 1);
	assert_int_equal(scene.inputs, 0);
	assert_string_equal(connection_failure(scene.connection),
			    "TLS handshake: http request");
	end(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_heard_and_answered),
		cmocka_unit_test(writing_makes_no_event_before_the_loop_runs),
		cmocka_unit_test(input_before_the_end_comes_before_the_end),
		cmocka_unit_test(who_closed_one_half_and_vanishes_then_is_told_again),
		cmocka_unit_test(pausing_keeps_input_and_end_for_later),
		cmocka_unit_test(input_left_over_is_told_of_after_a_pause),
		cmocka_unit_test(a_slow_engine_slows_its_peer_and_loses_nothing),
		cmocka_unit_test(a_peer_that_does_not_read_is_not_read),
		cmocka_unit_test(drained_asks_for_more_until_all_is_sent),
		cmocka_unit_test(closing_in_the_handler_is_safe),
		cmocka_unit_test(finishing_sends_the_last_reply_and_waits_for_the_peer),
		cmocka_unit_test(a_peer_that_vanishes_is_told_once),
		cmocka_unit_test(a_deadline_comes_once_and_the_last_set_counts),
		cmocka_unit_test(two_pipes_serve_as_well),
		cmocka_unit_test(plain_text_behind_starttls_is_thrown_away),
		cmocka_unit_test(a_large_upload_over_tls_arrives_whole),
		cmocka_unit_test(garbage_for_tls_ends_with_a_reason),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
