#include "ipc/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "ipc/channel.h"
#include "ipc/master.h"

#define DEADLINE_MS 20000

/* The test is the master; the service is a child with the socket as descriptor 3. */
static pid_t start(int *master_out, void (*serve)(void))
{
	struct err err;
	int pair[2];
	pid_t child;

	assert_true(file_socketpair(pair, &err));
	child = fork();
	if (child == 0) {
		int end = fcntl(pair[1], F_DUPFD, 10);

		alarm(DEADLINE_MS / 1000);
		close(pair[0]);
		close(pair[1]);
		dup2(end, MASTER_FD);
		close(end);
		serve();
		_exit(0);
	}
	close(pair[1]);
	*master_out = pair[0];
	return child;
}

static int ends_with(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void tell(int master, const struct buf *packet, int fd)
{
	struct err err;

	assert_true(channel_send(master, packet, fd, &err));
}

/* A listener (any descriptor will do), certificate and key, and go. */
static void tell_all(int master)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);

	master_listener_put(
		&out, 0,
		&(struct master_listener){ span_of("smtp"), span_of("127.0.0.1:25") });
	tell(master, &out, null);
	packet_begin(&out, MASTER_CERTIFICATE, 0);
	tell(master, &out, null);
	packet_begin(&out, MASTER_KEY, 0);
	tell(master, &out, null);
	packet_begin(&out, MASTER_GO, 0);
	tell(master, &out, -1);
}

static unsigned hear(int master, struct packet *packet, struct buf *in, int *fd)
{
	if (channel_wait(master, DEADLINE_MS, in, fd) != CHANNEL_PACKET ||
	    !packet_open(packet, buf_span(in)))
		return 0;
	return packet->type;
}

static void serve_or_say_why(void)
{
	static struct service service;
	struct err err = { 0 };

	if (!service_begin(&service, &err))
		_exit(err_exit_code(&err));
	if (service.listener_count != 1 ||
	    strcmp(service.listeners[0].name, "smtp") != 0 ||
	    strcmp(service.listeners[0].address, "127.0.0.1:25") != 0 ||
	    fcntl(service.listeners[0].fd, F_GETFD) < 0 ||
	    fcntl(service.certificate_fd, F_GETFD) < 0 ||
	    fcntl(service.key_fd, F_GETFD) < 0)
		_exit(1);
	service_run(&service);
}

static void a_service_is_ready_with_all_it_was_given_and_stops_when_told(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct packet packet;
	int master;
	pid_t child = start(&master, serve_or_say_why);

	(void)state;
	tell_all(master);
	assert_int_equal(hear(master, &packet, &in, NULL), MASTER_READY);
	kill(child, SIGTERM);
	assert_int_equal(ends_with(child), 0);
	close(master);
}

static void a_service_ends_with_its_master(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct packet packet;
	int master;
	pid_t child = start(&master, serve_or_say_why);

	(void)state;
	tell_all(master);
	assert_int_equal(hear(master, &packet, &in, NULL), MASTER_READY);
	close(master);
	assert_int_equal(ends_with(child), EX_TEMPFAIL);
}

static void without_a_master_it_says_how_it_is_started(void **state)
{
	int master;
	pid_t child = start(&master, serve_or_say_why);

	(void)state;
	close(master);
	assert_int_equal(ends_with(child), EX_USAGE);
}

static void nonsense_from_the_master_is_refused(void **state)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	int master;
	pid_t child = start(&master, serve_or_say_why);

	(void)state;
	packet_begin(&out, MASTER_LISTENER, 0); /* no fields, no descriptor */
	tell(master, &out, -1);
	assert_int_equal(ends_with(child), EX_TEMPFAIL);
	close(master);
}

static void on_certificate(struct service *service)
{
	ev_break(service->loop, EVBREAK_ALL);
}

static void serve_until_renewed(void)
{
	static struct service service = { .on_certificate = on_certificate };
	struct err err = { 0 };
	int before;

	if (!service_begin(&service, &err))
		_exit(1);
	before = service.key_fd;
	service_run(&service);
	/* The old ones were closed. */
	if (service.key_fd < 0 ||
	    (service.key_fd != before && fcntl(before, F_GETFD) >= 0))
		_exit(2);
}

static void a_new_certificate_is_taken_while_it_runs(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX), out = BUF_INIT(PACKET_MAX);
	AUTO_FD null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct packet packet;
	int master;
	pid_t child = start(&master, serve_until_renewed);

	(void)state;
	tell_all(master);
	assert_int_equal(hear(master, &packet, &in, NULL), MASTER_READY);
	packet_begin(&out, MASTER_CERTIFICATE, 0);
	tell(master, &out, null);
	packet_begin(&out, MASTER_KEY, 0);
	tell(master, &out, null);
	assert_int_equal(ends_with(child), 0);
	close(master);
}

static void ask_for_a_mailbox(void)
{
	static struct service service;
	struct err err = { 0 };
	int pair[2];

	if (!service_begin(&service, &err) || !file_socketpair(pair, &err))
		_exit(1);
	service_start(&service, "mailbox", "ann", pair[0]);
	if (fcntl(pair[0], F_GETFD) >= 0) /* was ours to give */
		_exit(2);
}

static void what_a_service_asks_to_be_started_gets_its_socket(void **state)
{
	AUTO_BUF in = BUF_INIT(PACKET_MAX);
	struct master_start asked;
	struct packet packet;
	int master, fd = -1;
	pid_t child = start(&master, ask_for_a_mailbox);

	(void)state;
	tell_all(master);
	assert_int_equal(hear(master, &packet, &in, &fd), MASTER_START);
	assert_true(fd >= 0);
	assert_true(master_start_get(&packet, &asked));
	assert_true(span_is(asked.role, "mailbox") && span_is(asked.name, "ann"));
	close(fd);
	assert_int_equal(ends_with(child), 0);
	close(master);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_service_is_ready_with_all_it_was_given_and_stops_when_told),
		cmocka_unit_test(a_service_ends_with_its_master),
		cmocka_unit_test(without_a_master_it_says_how_it_is_started),
		cmocka_unit_test(nonsense_from_the_master_is_refused),
		cmocka_unit_test(a_new_certificate_is_taken_while_it_runs),
		cmocka_unit_test(what_a_service_asks_to_be_started_gets_its_socket),
	};

	return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
