#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "send/refusal.h"

static struct verdict_rules *rules;

static int load_rules(void **state)
{
	(void)state;
	rules = verdict_rules_shipped();
	return 0;
}

static int free_rules(void **state)
{
	(void)state;
	verdict_rules_free(rules);
	return 0;
}

static const struct row {
	const char *title;
	struct dial_failure failure;
	struct peer_memory memory;
	bool is_refused;
	enum verdict_scope scope;
} rows[] = {
	{ "a server that does not answer refuses nothing",
	  { .stage = DIAL_AT_CONNECT, .is_timeout = true },
	  { 0 },
	  false,
	  0 },
	{ "a wrong password is the login's",
	  { .stage = DIAL_AT_AUTH,
	    .answered = true,
	    .said = { .code = 535, .status = "5.7.8", .text = "authentication failed" } },
	  { 0 },
	  true,
	  VERDICT_LOGIN },
	{ "a refused greeting is the place's",
	  { .stage = DIAL_AT_GREETING,
	    .answered = true,
	    .said = { .code = 554, .status = "5.7.1", .text = "no SMTP service here" } },
	  { 0 },
	  true,
	  VERDICT_PLACE },
	{ "a page in the place of a greeting is a portal's",
	  { .stage = DIAL_AT_GREETING,
	    .answered = true,
	    .said = { .code = 0, .text = "<html><head><title>302 Found</title>" } },
	  { 0 },
	  true,
	  VERDICT_NETWORK },
	{ "a login that was never offered is a wrong setting",
	  { .stage = DIAL_AT_AUTH, .is_missing = true },
	  { 0 },
	  true,
	  VERDICT_LOGIN },
	{ "a login that is gone is another machine's doing",
	  { .stage = DIAL_AT_AUTH, .is_missing = true },
	  { .login_worked = 1 },
	  true,
	  VERDICT_NETWORK },
	{ "TLS that was never offered is a wrong setting",
	  { .stage = DIAL_AT_TLS, .is_missing = true },
	  { 0 },
	  true,
	  VERDICT_PLACE },
	{ "TLS that is gone is another machine's doing",
	  { .stage = DIAL_AT_TLS, .is_missing = true },
	  { .tls = PEER_TLS_ENCRYPTED },
	  true,
	  VERDICT_NETWORK },
	{ "a certificate judged by a wrong clock is the clock's",
	  { .stage = DIAL_AT_CERTIFICATE, .certificate = DIAL_CERTIFICATE_CLOCK },
	  { 0 },
	  true,
	  VERDICT_CLOCK },
	{ "an expired certificate is told",
	  { .stage = DIAL_AT_CERTIFICATE, .certificate = DIAL_CERTIFICATE_EXPIRED },
	  { .tls = PEER_TLS_NAMED },
	  true,
	  VERDICT_CERTIFICATE },
	{ "another name from the first day on is told",
	  { .stage = DIAL_AT_CERTIFICATE, .certificate = DIAL_CERTIFICATE_NAME },
	  { 0 },
	  true,
	  VERDICT_CERTIFICATE },
	{ "another name than yesterday is another machine's",
	  { .stage = DIAL_AT_CERTIFICATE, .certificate = DIAL_CERTIFICATE_NAME },
	  { .tls = PEER_TLS_NAMED },
	  true,
	  VERDICT_NETWORK },
};

static void dial(void **state)
{
	const struct row *row = &rows[(size_t)(uintptr_t)*state];
	const struct verdict_known known = { .has_login = true };
	struct verdict verdict = { 0 };

	assert_int_equal(
		refusal_of_dial(&row->failure, rules, &known, &row->memory, &verdict),
		row->is_refused);
	if (!row->is_refused)
		return;
	assert_int_equal(verdict.scope, row->scope);
	assert_int_equal(verdict.action, VERDICT_STOP);
}

static const struct {
	const char *title;
	bool has_tls;
	const char *certificate;
	enum peer_tls seen; /* before */
	enum smarthost_tlslevel demanded;
	enum peer_tls level;
	bool is_refused;
} levels[] = {
	{ "the first time anything goes", false, "", PEER_TLS_NONE, SMARTHOST_LEVEL_SEEN,
	  PEER_TLS_NONE, false },
	{ "no TLS where there was TLS", false, "", PEER_TLS_ENCRYPTED,
	  SMARTHOST_LEVEL_SEEN, PEER_TLS_NONE, true },
	{ "the same name as before", true, "smtp.isp.example", PEER_TLS_NAMED,
	  SMARTHOST_LEVEL_SEEN, PEER_TLS_NAMED, false },
	{ "a name with a star", true, "*.isp.example", PEER_TLS_NAMED,
	  SMARTHOST_LEVEL_SEEN, PEER_TLS_NAMED, false },
	{ "a star is one label", true, "*.example", PEER_TLS_NAMED, SMARTHOST_LEVEL_SEEN,
	  PEER_TLS_ENCRYPTED, true },
	{ "another name than before", true, "portal.hotel.example", PEER_TLS_NAMED,
	  SMARTHOST_LEVEL_SEEN, PEER_TLS_ENCRYPTED, true },
	{ "a person lets anything go", false, "", PEER_TLS_NAMED, SMARTHOST_LEVEL_ANY,
	  PEER_TLS_NONE, false },
	{ "TLS is demanded", false, "", PEER_TLS_NONE, SMARTHOST_LEVEL_ENCRYPTED,
	  PEER_TLS_NONE, true },
	{ "a name is demanded", true, "other.example", PEER_TLS_NONE,
	  SMARTHOST_LEVEL_NAMED, PEER_TLS_ENCRYPTED, true },
};

static void protection(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	const struct peer_memory memory = { .tls = levels[i].seen };
	enum peer_tls level = refusal_level(levels[i].has_tls, levels[i].certificate,
					    "smtp.isp.example");
	struct verdict verdict = { 0 };

	assert_int_equal(level, levels[i].level);
	assert_int_equal(refusal_of_level(level, levels[i].demanded, &memory, &verdict),
			 levels[i].is_refused);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + LENGTH(levels)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = dial,
						.initial_state = (void *)(uintptr_t)i };
	for (size_t i = 0; i < LENGTH(levels); i++)
		tests[LENGTH(rows) + i] =
			(struct CMUnitTest){ .name = levels[i].title,
					     .test_func = protection,
					     .initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("what a connection that is not made means",
					   tests, load_rules, free_rules);
}
