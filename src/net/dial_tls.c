/* TLS below libcurl: sessions to resume, the certificate, and what is wrong with it. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/dial_private.h"

/* libcurl keeps no session from one process to the next, and STARTTLS has no moment of
 * its own to offer one: it is when the handshake begins. */
static void offer_ticket(const struct dial *dial, SSL *ssl)
{
	const unsigned char *bytes = (const unsigned char *)dial->ticket_in.data;
	SSL_SESSION *session;

	if (!dial->ticket_in.len || dial->try.has_tls)
		return;
	session = d2i_SSL_SESSION(NULL, &bytes, (long)dial->ticket_in.len);
	/* One that cannot be read, or is not taken, costs the turn it would have saved.
	 */
	if (session)
		(void)SSL_set_session(ssl, session);
	SSL_SESSION_free(session);
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct dial *dial = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	int len = dial && SSL_SESSION_is_resumable(session)
			  ? i2d_SSL_SESSION(session, NULL)
			  : 0;
	unsigned char *place;

	if (len <= 0)
		return 0;
	buf_reset(&dial->ticket_out);
	place = (unsigned char *)buf_reserve(&dial->ticket_out, (size_t)len);
	if (place && i2d_SSL_SESSION(session, &place) == len)
		buf_wrote(&dial->ticket_out, (size_t)len);
	return 0; /* the session stays OpenSSL's */
}

/* The name that the host is found by, else the first one. */
static void keep_name(struct dial *dial, const SSL *ssl)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	char *name = dial->try.certificate_name, *found = NULL;
	GENERAL_NAMES *names;

	if (!certificate)
		return;
	if (X509_check_host(certificate, dial->host, 0, 0, &found) == 1 && found)
		snprintf(name, DIAL_NAME_MAX, "%s", found);
	OPENSSL_free(found);
	names = name[0] ? NULL
			: X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !name[0]; i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(names, i);

		if (one->type == GEN_DNS)
			snprintf(name, DIAL_NAME_MAX, "%.*s",
				 ASN1_STRING_length(one->d.dNSName),
				 (const char *)ASN1_STRING_get0_data(one->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	if (!name[0] &&
	    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
				      name, DIAL_NAME_MAX) < 0)
		name[0] = '\0';
}

/* By whom it was made, whatever its dates. If TLS is only to be tried, nothing else looks
 * at it, and anybody can make one with the right name. */
static bool is_trusted(const SSL *ssl)
{
	long code = SSL_get_verify_result(ssl);

	return code == X509_V_OK || code == X509_V_ERR_CERT_NOT_YET_VALID ||
	       code == X509_V_ERR_CERT_HAS_EXPIRED;
}

static void on_tls_state(const SSL *ssl, int where, int value)
{
	struct dial *dial = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)value;
	if (!dial)
		return;
	if (where & SSL_CB_HANDSHAKE_START)
		offer_ticket(dial, (SSL *)(uintptr_t)ssl);
	/* Each ticket of TLS 1.3 calls again. */
	if (!(where & SSL_CB_HANDSHAKE_DONE) || dial->try.has_tls)
		return;
	dial->try.has_tls = true;
	dial->try.is_trusted = is_trusted(ssl);
	keep_name(dial, ssl);
	/* What was offered before may be an attacker's; SMTP greets anew. */
	if (dial->protocol != DIAL_SMTP)
		buf_reset(&dial->offer);
	dial_enter(dial, dial->is_implicit ? DIAL_AT_GREETING : DIAL_AT_EHLO);
}

/* libcurl reads none if the certificate need not be verified. Without them nothing is
 * trusted, which is no failure then. */
static void load_authorities(const struct dial *dial, SSL_CTX *tls)
{
	if (dial->cafile)
		(void)!SSL_CTX_load_verify_file(tls, dial->cafile);
	else
		(void)!SSL_CTX_set_default_verify_dir(tls);
	ERR_clear_error();
}

static CURLcode on_tls(CURL *easy, void *context, void *ctx)
{
	const struct dial *dial = ctx;
	SSL_CTX *tls = context;

	(void)easy;
	SSL_CTX_set_app_data(tls, ctx);
	SSL_CTX_set_info_callback(tls, on_tls_state);
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT |
						    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(tls, on_ticket);
	if (dial->is_unverified)
		load_authorities(dial, tls);
	return CURLE_OK;
}

void dial_set_tls(struct dial *dial, const struct dial_request *request)
{
	static const long levels[] = {
		[DIAL_PLAIN] = CURLUSESSL_NONE,
		[DIAL_TRY] = CURLUSESSL_TRY,
		[DIAL_STARTTLS] = CURLUSESSL_ALL,
		[DIAL_IMPLICIT] = CURLUSESSL_ALL,
	};
	bool verified = request->tls != DIAL_TRY;

	dial->is_unverified = !verified;
	dial->cafile = request->cafile ? must_copy(request->cafile) : NULL;
	curl_easy_setopt(dial->easy, CURLOPT_USE_SSL,
			 dial->wants_tls ? (long)CURLUSESSL_ALL : levels[request->tls]);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_VERIFYPEER, verified ? 1L : 0L);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_VERIFYHOST, verified ? 2L : 0L);
	curl_easy_setopt(dial->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_CTX_DATA, dial);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(dial->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	if (request->cafile) {
		/* Only these: the system's folder would be trusted beside them. */
		curl_easy_setopt(dial->easy, CURLOPT_CAINFO, request->cafile);
		curl_easy_setopt(dial->easy, CURLOPT_CAPATH, NULL);
	}
}

/* libcurl compares the name itself, after OpenSSL was content. */
enum dial_certificate dial_judge_certificate(const struct dial *dial)
{
	long code = X509_V_OK;

	curl_easy_getinfo(dial->easy, CURLINFO_SSL_VERIFYRESULT, &code);
	switch (code) {
	case X509_V_OK:
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return DIAL_CERTIFICATE_NAME;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return dial->clock_in_doubt ? DIAL_CERTIFICATE_CLOCK
					    : DIAL_CERTIFICATE_NOT_YET_VALID;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return dial->clock_in_doubt ? DIAL_CERTIFICATE_CLOCK
					    : DIAL_CERTIFICATE_EXPIRED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return DIAL_CERTIFICATE_UNTRUSTED;
	default:
		return DIAL_CERTIFICATE_OTHER;
	}
}
