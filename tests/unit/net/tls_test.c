#include "net/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/sandbox.h"
#include "tls_client.h"

#define WIRE_MAX ((size_t)16 << 20)

/* One session of ours and a client, the wire between them in `step` bytes at a time. */
struct talk {
	struct tls_server *server;
	struct tls *tls;
	struct client client;
	struct buf plain, wire;
	struct err err;
	size_t step;
	bool over;
};

static void talk_begin(struct talk *talk, struct tls_server *server, int version,
		       SSL_SESSION *again)
{
	*talk = (struct talk){ .server = server,
			       .tls = tls_accept(server),
			       .plain = BUF_INIT(WIRE_MAX),
			       .wire = BUF_INIT(WIRE_MAX),
			       .step = WIRE_MAX };
	client_begin(&talk->client, version, again);
}

static void talk_end(struct talk *talk)
{
	tls_free(talk->tls);
	client_end(&talk->client);
	buf_clear(&talk->plain);
	buf_clear(&talk->wire);
}

static void to_server(struct talk *talk, struct span said)
{
	while (said.len && !talk->over) {
		size_t len = said.len < talk->step ? said.len : talk->step;

		talk->over = !tls_feed(talk->tls, (struct span){ said.at, len },
				       &talk->plain, &talk->wire, &talk->err);
		said = span_after(said, len);
	}
}

static void to_client(struct talk *talk)
{
	if (talk->wire.len)
		BIO_write(talk->client.heard, talk->wire.data, (int)talk->wire.len);
	buf_reset(&talk->wire);
}

static void shake(struct talk *talk)
{
	for (int flight = 0; flight < 4; flight++) {
		SSL_do_handshake(talk->client.ssl);
		to_server(talk, client_said(&talk->client));
		to_client(talk);
	}
}

static void a_session(int version, size_t step, const char *name)
{
	struct tls_server *server = make_server();
	struct talk talk;
	char text[16] = "";

	talk_begin(&talk, server, version, NULL);
	tls_server_free(server); /* the session keeps what it needs */
	talk.step = step;
	shake(&talk);
	assert_true(tls_is_ready(talk.tls));
	assert_memory_equal(tls_describe(talk.tls), name, strlen(name));
	SSL_write(talk.client.ssl, "EHLO a\r\n", 8);
	to_server(&talk, client_said(&talk.client));
	assert_string_equal(talk.plain.data, "EHLO a\r\n");
	assert_true(tls_write(talk.tls, span_of("250 b\r\n"), &talk.wire, &talk.err));
	to_client(&talk);
	assert_int_equal(SSL_read(talk.client.ssl, text, sizeof(text)), 7);
	assert_string_equal(text, "250 b\r\n");
	talk_end(&talk);
}

static void a_session_works_with_either_version(void **state)
{
	(void)state;
	a_session(TLS1_3_VERSION, WIRE_MAX, "TLSv1.3 TLS_");
	a_session(TLS1_2_VERSION, WIRE_MAX, "TLSv1.2 ECDHE-");
}

static void a_session_works_byte_by_byte(void **state)
{
	(void)state;
	a_session(TLS1_3_VERSION, 1, "TLSv1.3 ");
	a_session(TLS1_2_VERSION, 1, "TLSv1.2 ");
}

static void older_versions_are_refused_with_a_reason(void **state)
{
	struct tls_server *server = make_server();
	struct talk talk;

	(void)state;
	talk_begin(&talk, server, TLS1_1_VERSION, NULL);
	SSL_set_security_level(talk.client.ssl, 0);
	shake(&talk);
	assert_true(talk.over);
	assert_string_equal(talk.err.text, "TLS handshake: unsupported protocol");
	assert_int_equal(talk.err.kind, ERR_TEMPORARY);
	talk_end(&talk);
	tls_server_free(server);
}

static void garbage_is_a_clean_error(void **state)
{
	static const char *const rows[] = { "EHLO pirate\r\n", "\x16\x03\x01\xff\xff\x01",
					    "\x80\x2e\x01\x03\x01\x01\x01\x01\x01\x01",
					    "\xff\xff\xff\xff\xff\xff\xff\xff" };
	struct tls_server *server = make_server();

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct talk talk;

		talk_begin(&talk, server, TLS1_3_VERSION, NULL);
		to_server(&talk, span_of(rows[i]));
		for (int more = 0; more < 10; more++)
			to_server(&talk, span_of("\xff\xff\xff\xff\xff\xff\xff\xff"));
		assert_int_equal(talk.plain.len, 0);
		assert_false(tls_is_ready(talk.tls));
		if (talk.over)
			assert_memory_equal(talk.err.text, "TLS handshake: ", 15);
		talk_end(&talk);
	}
	tls_server_free(server);
}

static void a_close_is_told_from_a_failure(void **state)
{
	struct tls_server *server = make_server();
	struct talk talk;

	(void)state;
	talk_begin(&talk, server, TLS1_3_VERSION, NULL);
	shake(&talk);
	SSL_write(talk.client.ssl, "QUIT", 4);
	SSL_shutdown(talk.client.ssl);
	to_server(&talk, client_said(&talk.client));
	assert_string_equal(talk.plain.data, "QUIT");
	assert_true(talk.over);
	assert_int_equal(talk.err.kind, ERR_NONE);
	talk_end(&talk);

	talk_begin(&talk, server, TLS1_3_VERSION, NULL);
	shake(&talk);
	to_server(&talk,
		  (struct span){ "\x17\x03\x03\x00\x20garbagegarbagegarbagegarbage....",
				 37 });
	assert_true(talk.over);
	assert_int_equal(talk.err.kind, ERR_TEMPORARY);
	assert_memory_equal(talk.err.text, "TLS: ", 5);
	talk_end(&talk);
	tls_server_free(server);
}

static void what_has_no_room_waits_inside(void **state)
{
	static char bytes[50000];
	struct tls_server *server = make_server();
	AUTO_BUF small = BUF_INIT(1000), whole = BUF_INIT(sizeof(bytes));
	struct talk talk;
	struct span nothing = { "", 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i % 251);
	talk_begin(&talk, server, TLS1_3_VERSION, NULL);
	shake(&talk);
	SSL_write(talk.client.ssl, bytes, sizeof(bytes));
	assert_true(tls_feed(talk.tls, client_said(&talk.client), &small, &talk.wire,
			     &talk.err));
	while (tls_is_holding(talk.tls)) {
		assert_int_equal(small.len, 1000);
		assert_true(buf_append_span(&whole, buf_span(&small)));
		buf_reset(&small);
		assert_true(tls_feed(talk.tls, nothing, &small, &talk.wire, &talk.err));
	}
	assert_true(buf_append_span(&whole, buf_span(&small)));
	assert_int_equal(whole.len, sizeof(bytes));
	assert_memory_equal(whole.data, bytes, sizeof(bytes));
	talk_end(&talk);
	tls_server_free(server);
}

static void five_megabytes_go_out_whole(void **state)
{
	static char bytes[5 << 20], back[5 << 20];
	struct tls_server *server = make_server();
	struct talk talk;
	size_t got = 0;
	int more;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 + (i >> 11));
	talk_begin(&talk, server, TLS1_3_VERSION, NULL);
	shake(&talk);
	assert_true(tls_write(talk.tls, (struct span){ bytes, sizeof(bytes) }, &talk.wire,
			      &talk.err));
	to_client(&talk);
	while ((more = SSL_read(talk.client.ssl, back + got, (int)(sizeof(back) - got))) >
	       0)
		got += (size_t)more;
	assert_int_equal(got, sizeof(bytes));
	assert_memory_equal(back, bytes, sizeof(bytes));
	talk_end(&talk);
	tls_server_free(server);
}

static SSL_SESSION *ticket;

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(ticket);
	ticket = session;
	return 1;
}

/* Two servers with one key, as two workers of a gateway are. */
static bool comes_back(int version)
{
	struct pair pair = make_pair();
	struct err err = { 0 };
	struct tls_server *one = tls_server_new(pair.certificate_fd, pair.key_fd, &err);
	struct tls_server *two = tls_server_new(pair.certificate_fd, pair.key_fd, &err);
	struct talk talk;
	char byte;
	bool reused;

	talk_begin(&talk, one, version, NULL);
	SSL_CTX_set_session_cache_mode(
		talk.client.context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(talk.client.context, keep_ticket);
	shake(&talk);
	assert_int_equal(SSL_read(talk.client.ssl, &byte, 1), -1);
	SSL_shutdown(talk.client.ssl); /* else OpenSSL does not trust the ticket */
	talk_end(&talk);
	talk_begin(&talk, two, version, ticket);
	shake(&talk);
	assert_true(tls_is_ready(talk.tls));
	reused = SSL_session_reused(talk.client.ssl);
	talk_end(&talk);
	if (ticket)
		SSL_SESSION_free(ticket);
	ticket = NULL;
	tls_server_free(one);
	tls_server_free(two);
	close(pair.certificate_fd);
	close(pair.key_fd);
	return reused;
}

static void a_client_that_comes_back_resumes_with_any_worker(void **state)
{
	(void)state;
	assert_true(comes_back(TLS1_3_VERSION));
}

static void no_ticket_weakens_the_older_version(void **state)
{
	(void)state;
	assert_false(comes_back(TLS1_2_VERSION));
}

static bool shakes_with_protocols(const char *protocols)
{
	struct tls_server *server = make_server();
	struct talk talk;
	bool ready;

	talk_begin(&talk, server, TLS1_3_VERSION, NULL);
	SSL_set_alpn_protos(talk.client.ssl, (const unsigned char *)protocols,
			    (unsigned)strlen(protocols));
	shake(&talk);
	ready = tls_is_ready(talk.tls);
	talk_end(&talk);
	tls_server_free(server);
	return ready;
}

static void a_browser_led_astray_is_refused(void **state)
{
	(void)state;
	assert_false(shakes_with_protocols("\x02h2\x08http/1.1"));
	assert_true(shakes_with_protocols("\x02h2\x04smtp"));
	assert_true(shakes_with_protocols("\x04pop3"));
}

static int text_file(const char *text)
{
	BIO *bio = BIO_new(BIO_s_mem());

	BIO_write(bio, text, (int)strlen(text));
	return written_file(bio);
}

static void wrong_files_are_named(void **state)
{
	struct pair good = make_pair(), other = make_pair();
	int nonsense = text_file("what is this?\n");
	const struct {
		int certificate_fd, key_fd;
		const char *text;
	} rows[] = {
		{ nonsense, good.key_fd, "no certificate in the TLS certificate" },
		{ good.certificate_fd, nonsense, "TLS key: " },
		{ good.certificate_fd, other.key_fd,
		  "the TLS key does not fit the certificate: " },
		{ -1, good.key_fd, "read the TLS certificate: " },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct err err = { 0 };

		assert_null(tls_server_new(rows[i].certificate_fd, rows[i].key_fd, &err));
		assert_memory_equal(err.text, rows[i].text, strlen(rows[i].text));
	}
}

/* In a child: behind the wall, a session, a new certificate, and a failure with its text.
 */
static int behind_the_wall(void)
{
	struct pair pair = make_pair(), renewed = make_pair();
	struct err err = { 0 };
	struct tls_server *server, *other;
	struct talk talk;
	const time_t now = time(NULL);
	struct tm parts;

	server = tls_server_new(pair.certificate_fd, pair.key_fd, &err);
	tzset();
	if (!server || !sandbox_enter(&err))
		return 1;
	other = tls_server_new(renewed.certificate_fd, renewed.key_fd, &err);
	if (!other)
		return 2;
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		talk_begin(&talk, version == TLS1_2_VERSION ? server : other, version,
			   NULL);
		shake(&talk);
		if (!tls_is_ready(talk.tls))
			return 3;
		talk_end(&talk);
	}
	talk_begin(&talk, server, TLS1_3_VERSION, NULL);
	to_server(&talk, span_of("GET / HTTP/1.0\r\n\r\n"));
	if (strcmp(talk.err.text, "TLS handshake: http request") != 0)
		return 4;
	if (!localtime_r(&now, &parts))
		return 5;
	return 0;
}

static void everything_works_behind_the_wall(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (child == 0)
		_exit(behind_the_wall());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_works_with_either_version),
		cmocka_unit_test(a_session_works_byte_by_byte),
		cmocka_unit_test(older_versions_are_refused_with_a_reason),
		cmocka_unit_test(garbage_is_a_clean_error),
		cmocka_unit_test(a_close_is_told_from_a_failure),
		cmocka_unit_test(what_has_no_room_waits_inside),
		cmocka_unit_test(five_megabytes_go_out_whole),
		cmocka_unit_test(a_client_that_comes_back_resumes_with_any_worker),
		cmocka_unit_test(no_ticket_weakens_the_older_version),
		cmocka_unit_test(a_browser_led_astray_is_refused),
		cmocka_unit_test(wrong_files_are_named),
		cmocka_unit_test(everything_works_behind_the_wall),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
