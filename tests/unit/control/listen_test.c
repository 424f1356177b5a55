#include <sysexits.h>

#include <netinet/in.h>

#include "control/listen.h"
#include "folder.h"

static const struct {
	const char *title;
	const char *text;
	const char *fault; /* NULL: fine, and then: */
	size_t count;
	enum listen_service service; /* of the last entry */
	const char *address;
	unsigned port;
	int family;
} rows[] = {
	{ "a service, an address and a port", "# ours\nsmtp 127.0.0.1:2525\n", NULL, 1,
	  LISTEN_SMTP, "127.0.0.1", 2525, AF_INET },
	{ "IPv6 stands in brackets", "pop3s [::]:995\n", NULL, 1, LISTEN_POP3S, "::", 995,
	  AF_INET6 },
	{ "a service may have several addresses",
	  "smtp 0.0.0.0:25\nsmtp\t[::]:25\nsubmission 0.0.0.0:587", NULL, 3,
	  LISTEN_SUBMISSION, "0.0.0.0", 587, AF_INET },
	{ "port 0 is for the kernel to pick", "smtps 127.0.0.1:0\npop3 127.0.0.1:0\n",
	  NULL, 2, LISTEN_POP3, "127.0.0.1", 0, AF_INET },
	{ "an unknown service, with those that are known", "\nimap 127.0.0.1:143\n",
	  "control/listen:2: \"imap\" is no service; known are: smtp submission smtps "
	  "pop3 pop3s web qmtp qmqp",
	  0, 0, NULL, 0, 0 },
	{ "a host name", "smtp localhost:25\n",
	  "control/listen:1: \"localhost:25\" is no address:port; write it as "
	  "127.0.0.1:2525 or [::1]:2525, 0.0.0.0 or [::] for all",
	  0, 0, NULL, 0, 0 },
	{ "no address", "smtp\n",
	  "control/listen:1: \"\" is no address:port; write it as 127.0.0.1:2525 or "
	  "[::1]:2525, 0.0.0.0 or [::] for all",
	  0, 0, NULL, 0, 0 },
	{ "IPv6 without brackets", "smtp ::1:25\n",
	  "control/listen:1: \"::1:25\" is no address:port; write it as 127.0.0.1:2525 "
	  "or [::1]:2525, 0.0.0.0 or [::] for all",
	  0, 0, NULL, 0, 0 },
	{ "a port too large", "smtp 127.0.0.1:65536\n",
	  "control/listen:1: \"127.0.0.1:65536\" is no address:port; write it as "
	  "127.0.0.1:2525 or [::1]:2525, 0.0.0.0 or [::] for all",
	  0, 0, NULL, 0, 0 },
	{ "one port for two", "smtp 127.0.0.1:25\nsmtps 127.0.0.1:25\n",
	  "control/listen:2: \"127.0.0.1:25\" stands here a second time; keep one", 0, 0,
	  NULL, 0, 0 },
	{ "nothing at all", "# nobody\n",
	  "control/listen: names no listener; write lines as \"smtp 127.0.0.1:2525\"", 0,
	  0, NULL, 0, 0 },
};

static void one_file(void **state)
{
	size_t i = (uintptr_t)*state;
	const struct listen_entry *last;
	struct listen listen;
	struct err err = { 0 };
	bool fine;

	folder_write("listen", rows[i].text);
	fine = listen_read(folder_fd, &listen, &err);
	if (rows[i].fault) {
		assert_false(fine);
		assert_string_equal(err.text, rows[i].fault);
		assert_int_equal(err_exit_code(&err), EX_CONFIG);
		return;
	}
	if (!fine)
		fail_msg("%s", err.text);
	assert_int_equal(listen.count, rows[i].count);
	last = &listen.entries[listen.count - 1];
	assert_int_equal(last->service, rows[i].service);
	assert_string_equal(last->text, rows[i].address);
	assert_int_equal(last->port, rows[i].port);
	assert_int_equal(last->address.ss_family, rows[i].family);
	listen_clear(&listen);
}

static void a_missing_file_is_told(void **state)
{
	struct listen listen;
	struct err err = { 0 };

	(void)state;
	folder_drop("listen");
	assert_false(listen_read(folder_fd, &listen, &err));
	assert_non_null(strstr(err.text, "control/listen: missing"));
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++) {
		tests[i].name = rows[i].title;
		tests[i].test_func = one_file;
		tests[i].initial_state = (void *)(uintptr_t)i;
	}
	tests[LENGTH(rows)].name = "a missing file is told";
	tests[LENGTH(rows)].test_func = a_missing_file_is_told;
	return cmocka_run_group_tests_name("listen", tests, folder_make, folder_remove);
}
