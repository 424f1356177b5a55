/* The other side for the TLS tests: a client in memory, and a certificate made on the
 * spot (nothing secret lies about in the tree). */
#ifndef TESTS_NET_TLS_CLIENT_H
#define TESTS_NET_TLS_CLIENT_H

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/span.h"
#include "net/tls.h"

struct pair {
	int certificate_fd, key_fd;
};

static inline int written_file(BIO *bio)
{
	char *bytes;
	long len = BIO_get_mem_data(bio, &bytes);
	int fd = memfd_create("pem", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, (size_t)len), len);
	BIO_free(bio);
	return fd;
}

static inline struct pair make_pair(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	BIO *chain = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
	struct pair pair;

	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)"lan.example", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	X509_sign(certificate, key, EVP_sha256());
	PEM_write_bio_X509(chain, certificate);
	PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL);
	pair.certificate_fd = written_file(chain);
	pair.key_fd = written_file(secret);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return pair;
}

static inline struct tls_server *make_server(void)
{
	struct pair pair = make_pair();
	struct err err = { 0 };
	struct tls_server *server =
		tls_server_new(pair.certificate_fd, pair.key_fd, &err);

	if (!server)
		fail_msg("%s", err.text);
	close(pair.certificate_fd);
	close(pair.key_fd);
	return server;
}

struct client {
	SSL_CTX *context;
	SSL *ssl;
	BIO *heard, *said;
};

static inline void client_begin(struct client *client, int version, SSL_SESSION *again)
{
	client->context = SSL_CTX_new(TLS_client_method());
	client->ssl = SSL_new(client->context);
	client->heard = BIO_new(BIO_s_mem());
	client->said = BIO_new(BIO_s_mem());
	BIO_set_mem_eof_return(client->heard, -1);
	BIO_set_mem_eof_return(client->said, -1);
	SSL_set_bio(client->ssl, client->heard, client->said);
	SSL_set_min_proto_version(client->ssl, 0);
	SSL_set_max_proto_version(client->ssl, version);
	if (again)
		SSL_set_session(client->ssl, again);
	SSL_set_connect_state(client->ssl);
}

static inline void client_end(struct client *client)
{
	SSL_free(client->ssl);
	SSL_CTX_free(client->context);
}

/* What the client has to say, taken out of its mouth. */
static inline struct span client_said(struct client *client)
{
	static char bytes[1 << 20];
	int len = BIO_read(client->said, bytes, sizeof(bytes));

	return (struct span){ bytes, len > 0 ? (size_t)len : 0 };
}

#endif
