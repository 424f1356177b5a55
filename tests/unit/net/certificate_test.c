#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/certificate.h"

static void a_new_certificate_and_its_key_are_fine(void **state)
{
	AUTO_BUF certificate = BUF_INIT(10000);
	AUTO_BUF key = BUF_INIT(10000);
	struct err err = { 0 };

	(void)state;
	assert_true(certificate_make("gw.office.example", &certificate, &key, &err));
	assert_non_null(strstr(certificate.data, "BEGIN CERTIFICATE"));
	assert_non_null(strstr(key.data, "BEGIN PRIVATE KEY"));
	assert_true(certificate_check(buf_span(&certificate), buf_span(&key), &err));
}

static void a_host_name_may_be_long(void **state)
{
	AUTO_BUF certificate = BUF_INIT(10000);
	AUTO_BUF key = BUF_INIT(10000);
	char host[201];
	struct err err = { 0 };

	(void)state;
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	for (size_t i = 50; i < sizeof(host) - 1; i += 50)
		host[i] = '.';
	assert_true(certificate_make(host, &certificate, &key, &err));
	assert_true(certificate_check(buf_span(&certificate), buf_span(&key), &err));
}

static void another_certificate_s_key_is_told(void **state)
{
	AUTO_BUF one = BUF_INIT(10000);
	AUTO_BUF one_key = BUF_INIT(10000);
	AUTO_BUF other = BUF_INIT(10000);
	AUTO_BUF other_key = BUF_INIT(10000);
	struct err err = { 0 };

	(void)state;
	assert_true(certificate_make("a.example", &one, &one_key, &err));
	assert_true(certificate_make("a.example", &other, &other_key, &err));
	assert_false(certificate_check(buf_span(&one), buf_span(&other_key), &err));
	assert_string_equal(err.text, "belongs to another key");
}

/* Made with openssl ca -selfsign: valid in January 2020. The key is for this test only.
 */
static const char expired[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBAzCBqgIBATAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANvbGQwHhcNMjAwMTAx\n"
	"MDAwMDAwWhcNMjAwMjAxMDAwMDAwWjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjO\n"
	"PQIBBggqhkjOPQMBBwNCAASGccEo6T0vQexHy1HuZf0Xx30WAKzgE8N/RxPhlJGi\n"
	"ZbjgoeJUpQ3tj2a2CeeSXNhikj/MmMg6N2U1/YDm/ZdgMAoGCCqGSM49BAMCA0gA\n"
	"MEUCIC2AtnP8eNJ/xvYNTnvLVUzvS1L88GTNFrS9sCDSErmlAiEAm5ndCbwG3l34\n"
	"iafQ4Qundt072KcGGdizm/W6gjMl0uc=\n"
	"-----END CERTIFICATE-----\n";
static const char expired_key[] =
	"-----BEGIN PRIVATE KEY-----\n"
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg1ihhNn3iB5NH7+IN\n"
	"QdSBzFihw3ErKyFooAnsFZwcVE2hRANCAASGccEo6T0vQexHy1HuZf0Xx30WAKzg\n"
	"E8N/RxPhlJGiZbjgoeJUpQ3tj2a2CeeSXNhikj/MmMg6N2U1/YDm/Zdg\n"
	"-----END PRIVATE KEY-----\n";

static void an_expired_certificate_is_told(void **state)
{
	struct err err = { 0 };

	(void)state;
	assert_false(certificate_check(span_of(expired), span_of(expired_key), &err));
	assert_string_equal(err.text, "has expired, or does within a day");
}

static void what_is_no_pem_is_told(void **state)
{
	AUTO_BUF certificate = BUF_INIT(10000);
	AUTO_BUF key = BUF_INIT(10000);
	struct err err = { 0 };

	(void)state;
	assert_true(certificate_make("a.example", &certificate, &key, &err));
	assert_false(certificate_check(span_of(""), buf_span(&key), &err));
	assert_string_equal(err.text, "holds no certificate in PEM");
	assert_false(certificate_check(buf_span(&certificate), span_of("key"), &err));
	assert_string_equal(err.text, "its key file holds no private key in PEM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_certificate_and_its_key_are_fine),
		cmocka_unit_test(a_host_name_may_be_long),
		cmocka_unit_test(another_certificate_s_key_is_told),
		cmocka_unit_test(an_expired_certificate_is_told),
		cmocka_unit_test(what_is_no_pem_is_told),
	};

	return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
