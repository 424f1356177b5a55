#include "net/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_private.h"

#define DAY_S       86400L
#define SERIAL_BITS 127
#define SUBJECT_MAX 64 /* of a common name: RFC 5280, ub-common-name */

static bool take_bio(BIO *bio, struct buf *out)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 && buf_append(out, data, (size_t)len);
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, 0) == 1 &&
		   BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

	BN_free(number);
	return set;
}

/* Clients look at the alternative name only; a common name may be too short for a host.
 */
static bool set_name(X509 *certificate, const char *host)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	char alternative[300];
	int len = strlen(host) > SUBJECT_MAX ? SUBJECT_MAX : (int)strlen(host);

	snprintf(alternative, sizeof(alternative), "DNS:%s", host);
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
					  (const unsigned char *)host, len, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, name) == 1 &&
	       add_extension(certificate, NID_subject_alt_name, alternative);
}

static bool fill(X509 *certificate, EVP_PKEY *key, const char *host)
{
	/* A day back: the clock of who looks may be behind ours. */
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       set_serial(certificate) &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
	       X509_time_adj_ex(X509_getm_notAfter(certificate), 365 * CERTIFICATE_YEARS,
				0, NULL) &&
	       X509_set_pubkey(certificate, key) == 1 && set_name(certificate, host) &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

static bool write_pem(X509 *certificate, EVP_PKEY *key, struct buf *certificate_out,
		      struct buf *key_out)
{
	BIO *certificate_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_secmem());
	bool wrote =
		certificate_bio && key_bio &&
		PEM_write_bio_X509(certificate_bio, certificate) == 1 &&
		PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		take_bio(certificate_bio, certificate_out) && take_bio(key_bio, key_out);

	BIO_free(certificate_bio);
	BIO_free(key_bio);
	return wrote;
}

bool certificate_make(const char *host, struct buf *certificate_out, struct buf *key_out,
		      struct err *err)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool made = key && certificate && fill(certificate, key, host) &&
		    write_pem(certificate, key, certificate_out, key_out);

	if (!made)
		tls_fail(err, "make a certificate");
	X509_free(certificate);
	EVP_PKEY_free(key);
	return made;
}

static bool judge(X509 *certificate, EVP_PKEY *key, struct err *err)
{
	time_t tomorrow = time(NULL) + DAY_S;

	if (!certificate)
		return err_exit(err, EX_CONFIG, "holds no certificate in PEM");
	if (!key)
		return err_exit(err, EX_CONFIG,
				"its key file holds no private key in PEM");
	if (X509_check_private_key(certificate, key) != 1)
		return err_exit(err, EX_CONFIG, "belongs to another key");
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return err_exit(err, EX_CONFIG, "is not valid yet; is the clock right?");
	if (X509_cmp_time(X509_get0_notAfter(certificate), &tomorrow) < 0)
		return err_exit(err, EX_CONFIG, "has expired, or does within a day");
	return true;
}

bool certificate_check(struct span certificate, struct span key, struct err *err)
{
	BIO *certificate_bio = BIO_new_mem_buf(certificate.at, (int)certificate.len);
	BIO *key_bio = BIO_new_mem_buf(key.at, (int)key.len);
	X509 *x509 = certificate_bio
			     ? PEM_read_bio_X509(certificate_bio, NULL, NULL, NULL)
			     : NULL;
	/* An empty phrase: never ask for one on the terminal. */
	static char no_phrase[] = "";
	EVP_PKEY *pkey =
		key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, no_phrase) : NULL;
	bool fine = judge(x509, pkey, err);

	ERR_clear_error();
	X509_free(x509);
	EVP_PKEY_free(pkey);
	BIO_free(certificate_bio);
	BIO_free(key_bio);
	return fine;
}
