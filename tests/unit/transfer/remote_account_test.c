#include "transfer/remote_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"

#define HELOHOST "office.example"

/* A settings file owns its texts. */
#define TEXT(words) ((char[]){ words })

static const struct {
	const char *title;
	struct smarthost file;
	struct dial_request request; /* what is to be seen of it */
} smarthosts[] = {
	{ .title = "an open relay of the office",
	  .file = { .host = TEXT("mail.isp.example"),
		    .port = 25,
		    .tls = SMARTHOST_TLS_TRY },
	  .request = { .protocol = DIAL_SMTP,
		       .port = 25,
		       .tls = DIAL_TRY,
		       .helo = HELOHOST } },
	{ .title = "its own helo comes first",
	  .file = { .host = TEXT("mail.isp.example"),
		    .port = 25,
		    .helo = TEXT("vsat.example") },
	  .request = { .protocol = DIAL_SMTP,
		       .port = 25,
		       .tls = DIAL_PLAIN,
		       .helo = "vsat.example" } },
	{ .title = "a submission account with a password",
	  .file = { .host = TEXT("mail.isp.example"),
		    .port = 587,
		    .tls = SMARTHOST_TLS_STARTTLS,
		    .user = TEXT("ann"),
		    .auth = TEXT("plain"),
		    .passwordfile = TEXT("secrets/isp") },
	  .request = { .protocol = DIAL_SMTP,
		       .port = 587,
		       .tls = DIAL_STARTTLS,
		       .helo = HELOHOST,
		       .user = "ann",
		       .auth = "plain" } },
	{ .title = "a token from a file is a token",
	  .file = { .host = TEXT("mail.isp.example"),
		    .port = 465,
		    .tls = SMARTHOST_TLS_IMPLICIT,
		    .user = TEXT("ann"),
		    .tokenfile = TEXT("secrets/token") },
	  .request = { .protocol = DIAL_SMTP,
		       .port = 465,
		       .tls = DIAL_IMPLICIT,
		       .helo = HELOHOST,
		       .user = "ann",
		       .is_token = true } },
	{ .title = "and so is one from a command",
	  .file = { .host = TEXT("mail.isp.example"),
		    .user = TEXT("ann"),
		    .tokencommand = TEXT("token") },
	  .request = { .protocol = DIAL_SMTP,
		       .helo = HELOHOST,
		       .user = "ann",
		       .is_token = true } },
	{ .title = "a file of certificates is below control/",
	  .file = { .host = TEXT("mail.isp.example"), .cafile = TEXT("tls/isp.pem") },
	  .request = { .protocol = DIAL_SMTP,
		       .helo = HELOHOST,
		       .cafile = "control/tls/isp.pem" } },
	{ .title = "unless its path is whole",
	  .file = { .host = TEXT("mail.isp.example"),
		    .cafile = TEXT("/etc/ssl/isp.pem") },
	  .request = { .protocol = DIAL_SMTP,
		       .helo = HELOHOST,
		       .cafile = "/etc/ssl/isp.pem" } },
	{ .title = "a QMTP server",
	  .file = { .host = TEXT("mail.isp.example"),
		    .port = 209,
		    .type = SMARTHOST_QMTP },
	  .request = { .protocol = DIAL_QMTP, .port = 209, .helo = HELOHOST } },
};

static const struct {
	const char *title;
	struct pickup file;
	struct dial_request request;
} pickups[] = {
	{ .title = "a POP3 mailbox with a password",
	  .file = { .host = TEXT("pop.isp.example"),
		    .port = 995,
		    .type = PICKUP_POP3,
		    .tls = SMARTHOST_TLS_IMPLICIT,
		    .user = TEXT("ann"),
		    .passwordfile = TEXT("secrets/isp") },
	  .request = { .protocol = DIAL_POP3,
		       .port = 995,
		       .tls = DIAL_IMPLICIT,
		       .user = "ann" } },
	{ .title = "an IMAP mailbox with a token of a login",
	  .file = { .host = TEXT("imap.isp.example"),
		    .port = 143,
		    .type = PICKUP_IMAP,
		    .tls = SMARTHOST_TLS_STARTTLS,
		    .user = TEXT("ann"),
		    .tokencommand = TEXT("lontar token ann"),
		    .login = TEXT("ann"),
		    .cafile = TEXT("tls/isp.pem") },
	  .request = { .protocol = DIAL_IMAP,
		       .port = 143,
		       .tls = DIAL_STARTTLS,
		       .user = "ann",
		       .is_token = true,
		       .cafile = "control/tls/isp.pem" } },
};

static void assert_text(const char *is, const char *wanted)
{
	if (wanted) {
		assert_non_null(is);
		assert_string_equal(is, wanted);
	} else {
		assert_null(is);
	}
}

static void assert_request(const struct dial_request *is,
			   const struct dial_request *wanted)
{
	assert_int_equal(is->protocol, wanted->protocol);
	assert_int_equal(is->port, wanted->port);
	assert_int_equal(is->tls, wanted->tls);
	assert_int_equal(is->is_token, wanted->is_token);
	assert_text(is->helo, wanted->helo);
	assert_text(is->user, wanted->user);
	assert_text(is->auth, wanted->auth);
	assert_text(is->cafile, wanted->cafile);
	/* What only the caller knows. */
	assert_null(is->addresses);
	assert_int_equal(is->ticket.len, 0);
	assert_int_equal(is->timeout_s, 0);
}

static const struct link_path sat = { .link = { .name = "sat", .dns = "192.0.2.53" },
				      .bind_to = "if!ppp0" };

static void a_smarthost(void **state)
{
	size_t i = (uintptr_t)*state;
	struct remote_account account =
		remote_account_of_smarthost(&smarthosts[i].file, HELOHOST);
	char cafile[PATH_MAX];
	struct dial_request request =
		remote_account_request(&account, &sat, "secret", cafile);

	assert_request(&request, &smarthosts[i].request);
	assert_text(request.host, "mail.isp.example");
	assert_text(request.secret, "secret");
}

static void a_pickup(void **state)
{
	size_t i = (uintptr_t)*state;
	struct remote_account account = remote_account_of_pickup(&pickups[i].file);
	char cafile[PATH_MAX];
	struct dial_request request =
		remote_account_request(&account, &sat, "secret", cafile);

	assert_request(&request, &pickups[i].request);
	assert_text(request.host, pickups[i].file.host);
}

static void a_connection_goes_over_its_link(void **state)
{
	const struct pickup file = { .host = TEXT("pop.isp.example") };
	struct remote_account account = remote_account_of_pickup(&file);
	const struct link_path unknown = { .bind_to = "" };
	char cafile[PATH_MAX];
	struct dial_request request =
		remote_account_request(&account, &sat, NULL, cafile);

	(void)state;
	assert_text(request.name_servers, "192.0.2.53");
	assert_text(request.bind_to, "if!ppp0");
	request = remote_account_request(&account, &unknown, NULL, cafile);
	assert_null(request.name_servers);
	assert_null(request.bind_to);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(smarthosts) + LENGTH(pickups) + 1] = {
		cmocka_unit_test(a_connection_goes_over_its_link),
	};
	size_t count = 1;

	for (size_t i = 0; i < LENGTH(smarthosts); i++)
		tests[count++] = (struct CMUnitTest){ .name = smarthosts[i].title,
						      .test_func = a_smarthost,
						      .initial_state = (void *)i };
	for (size_t i = 0; i < LENGTH(pickups); i++)
		tests[count++] = (struct CMUnitTest){ .name = pickups[i].title,
						      .test_func = a_pickup,
						      .initial_state = (void *)i };
	return cmocka_run_group_tests_name("remote accounts", tests, NULL, NULL);
}
